// The status page in headless Chromium: axe finds nothing, light and dark, at three widths; the keyboard reaches and works
// everything; the page asks for nothing from elsewhere. Takes screenshots.
// usage: node page.mjs CHROMIUM SITE TOKEN FOLDER
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const [executablePath, site, token, folder] = process.argv.slice(2)
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

// Something to look at: requests with and without faults, a fault that waits, a receiver that fails at first.
const call = (method, path, body, type = 'application/json') => fetch(`${site}${path}`, {
  method, body, redirect: 'manual', headers: { authorization: `Bearer ${token}`, 'content-type': type }
})
const form = (path, fields) => call('POST', path, new URLSearchParams(fields).toString(), 'application/x-www-form-urlencoded')
const tasks = '/api/v1/workspaces/current/tasks'
let deliveries = 0
const receiver = createServer((request, response) => {
  deliveries += 1
  request.resume().on('end', () => response.writeHead(deliveries === 1 ? 500 : 204).end())
})
await new Promise(resolve => receiver.listen(0, '127.0.0.1', resolve))
for (const path of [`${tasks}/tsk_1001`, `${tasks}?all=true`, `${tasks}/tsk_0`, `${tasks}?colour=red`, '/api/v1/nowhere']) await call('GET', path)
await call('POST', tasks, JSON.stringify({ title: 'From the check of the page', taskId: 'tsk_x' }))
await call('POST', tasks, JSON.stringify({ title: '<b>From the check of the page</b>' }))
await form('/fake/receiver', { url: `http://127.0.0.1:${receiver.address().port}/webhook`, key: 'key-of-the-page-check' })
await form('/fake/trigger', { type: 'task.created' })
await form('/fake/scenario', { name: 'slow', operation: 'fetchTask', id: 'tsk_1001' })
for (let wait = 0; wait < 100 && deliveries < 2; wait += 1) await new Promise(resolve => setTimeout(resolve, 50))

const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-default-apps', '--disable-dev-shm-usage'
  ]
})
const problems = []
try {
  for (const colorScheme of ['light', 'dark']) {
    for (const [width, height] of [[1200, 820], [800, 900], [360, 740]]) {
      const page = await open({ colorScheme, viewport: { width, height } })
      await page.evaluate(axeSource)
      const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations', 'incomplete'] }))
      for (const kind of ['violations', 'incomplete']) {
        for (const rule of found[kind]) {
          // The colours of columns that are scrolled out of sight; in the wide window all are in sight.
          if (kind === 'incomplete' && rule.id === 'color-contrast' && width < 1200) continue
          problems.push(`${colorScheme} ${width}: ${kind}: ${rule.id} (${rule.help}): ${rule.nodes.map(node => node.html.slice(0, 120)).join(' ; ')}`)
        }
      }
      console.log(`axe ${found.testEngine.version}, ${colorScheme}, ${width} px: ${found.passes.length} rules hold, ${found.violations.length} broken, ${found.incomplete.length} undecided`)
      assert.ok(found.passes.length >= 20, 'axe has looked at the page')
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
      if (wide > 0) problems.push(`${colorScheme} ${width}: the page is ${wide} px wider than the window`)
      if (width === 1200) await page.screenshot({ path: `${folder}/testing-page${colorScheme === 'dark' ? '-dark' : ''}.png` })
      await page.screenshot({ path: `${folder}/${colorScheme}-${width}.png`, fullPage: true })
      await page.context().close()
    }
  }
  await keyboard()
  await stranger()
} catch (error) {
  problems.push(error.message)
} finally {
  await browser.close()
  receiver.close()
}
for (const problem of problems) console.error(`page: ${problem}`)
process.exit(problems.length ? 1 : 0)

async function open(options) {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(15_000)
  await context.route(() => true, route => {
    if (new URL(route.request().url()).origin === site) return route.continue()
    problems.push(`the page asked for ${route.request().url()}`)
    return route.abort()
  })
  const page = await context.newPage()
  page.on('pageerror', error => problems.push(`an error of the page's script: ${error}`))
  page.on('console', message => { if (message.type() === 'error' && !message.text().includes('favicon')) problems.push(`the console says: ${message.text()}`) })
  await page.goto(`${site}/`)
  await page.locator('#refresh').waitFor()
  return page
}

// Every control is reached by Tab, in the order of the page, with a visible focus, and works by key.
async function keyboard() {
  const page = await open({ viewport: { width: 1200, height: 820 } })
  // A refresh in between would change what is counted.
  await page.locator('#refresh').focus()
  await page.keyboard.press('Space')
  assert.equal(await page.locator('#refresh').isChecked(), false, 'Space toggles the box')
  const controls = await page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, [tabindex="0"]')]
    all.forEach((one, index) => { one.dataset.order = index })
    return all.length
  })
  // The box, which is the first control, has the focus.
  const reached = []
  for (let step = 0; step < controls + 5; step += 1) {
    if (step > 0) await page.keyboard.press('Tab')
    const focused = await page.evaluate(() => {
      const one = document.activeElement
      if (!one || one === document.body) return null
      const style = getComputedStyle(one)
      const box = one.getBoundingClientRect()
      return {
        order: Number(one.dataset.order), name: one.outerHTML.slice(0, 80),
        outline: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight
      }
    })
    if (!focused || reached.some(one => one.order === focused.order)) break
    reached.push(focused)
  }
  assert.equal(reached.length, controls, `Tab reaches ${reached.length} of ${controls} controls`)
  const inOrder = reached.every((one, index) => index === 0 || one.order > reached[index - 1].order)
  assert.ok(inOrder, 'in the order of the page')
  for (const one of reached) {
    if (!one.outline) problems.push(`no visible focus on ${one.name}`)
    if (!one.seen) problems.push(`the focus is out of sight on ${one.name}`)
  }

  await page.getByRole('button', { name: 'flaky', exact: true }).focus()
  await page.keyboard.press('Enter')
  await page.getByText('Respond(503').waitFor()
  await page.getByRole('combobox', { name: 'New status of tsk_1004' }).focus()
  await page.keyboard.type('compl')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.locator('tr', { hasText: 'tsk_1004' }).getByRole('cell', { name: 'completed', exact: true }).waitFor()
  await page.getByRole('button', { name: 'Spend it' }).focus()
  await page.keyboard.press('Space')
  await page.getByText('at once: 0 of').waitFor()
  const html = await page.content()
  assert.ok(!html.includes('key-of-the-page-check'), 'the key of a receiver is not shown')
  assert.ok(!html.includes('<b>From'), 'a title is text')
  console.log(`keyboard: ${controls} controls reached in order, each with a visible focus; buttons, lists and boxes work`)
}

// A form that another site sends from the same browser changes nothing.
async function stranger() {
  await form('/fake/clear', {})
  await form('/fake/quota/reset', {})
  const other = createServer((_, response) => response.writeHead(200, { 'content-type': 'text/html' })
    .end(`<form method="post" action="${site}/fake/task"><input name="id" value="tsk_1001"><input name="status" value="blocked"><button>Win</button></form>`))
  await new Promise(resolve => other.listen(0, '127.0.0.1', resolve))
  try {
    const page = await (await browser.newContext()).newPage()
    await page.goto(`http://127.0.0.1:${other.address().port}/`)
    const [response] = await Promise.all([page.waitForResponse(`${site}/fake/task`), page.getByRole('button').click()])
    assert.equal(response.status(), 403, 'a form of another site is refused')
    assert.equal((await (await call('GET', `${tasks}/tsk_1001`)).json()).status, 'in_progress')
    console.log('a form of another site is refused')
  } finally {
    other.close()
  }
}
