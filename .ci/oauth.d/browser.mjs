// Walks through the login example as a person would, and keeps a picture of every page.
// usage: node browser.mjs CHROMIUM SITE FOLDER
import assert from 'node:assert/strict'
import { chromium } from 'playwright-core'

const [executablePath, site, folder] = process.argv.slice(2)
const browser = await chromium.launch({
  executablePath,
  headless: true,
  args: [
    '--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update',
    '--disable-sync', '--disable-default-apps', '--disable-dev-shm-usage'
  ]
})
try {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 } })
  context.setDefaultTimeout(15_000)
  // Nothing here may leave this machine.
  await context.route(url => url.hostname !== '127.0.0.1', route => route.abort())
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', error => problems.push(String(error)))
  const picture = name => page.screenshot({ path: `${folder}/${name}.png` })
  const press = name => page.getByRole('button', { name, exact: true }).click()

  await page.goto(`${site}/`)
  await picture('welcome')
  await press('Log in with One Horizon')
  await page.getByText('act for you?').waitFor()
  const away = new URL(page.url())
  assert.equal(away.pathname, '/app/auth/authorize')
  assert.equal(away.searchParams.get('code_challenge_method'), 'S256')
  await picture('consent')

  // First a no, which must leave nobody logged in.
  await press('Deny')
  await page.getByText('access_denied').waitFor()
  await picture('denied')
  await page.getByRole('link', { name: 'To the first page' }).click()

  await press('Log in with One Horizon')
  await page.getByLabel('u_ada (owner)').check()
  await press('Allow')
  await page.getByRole('heading', { name: 'Your tasks' }).waitFor()
  assert.equal(page.url(), `${site}/`, 'the code does not stay in the address')
  await page.getByText('Self-serve onboarding').waitFor()
  await picture('tasks')
  const cookies = await context.cookies(site)
  assert.ok(cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === 'Lax', JSON.stringify(cookies))
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script can read the session')

  await press('Refresh the tokens')
  await page.getByText('The tokens were replaced.').waitFor()
  await picture('refreshed')
  await page.getByRole('link', { name: 'Back to the tasks' }).click()
  await page.getByText('Self-serve onboarding').waitFor()

  await press('Log out')
  await page.getByRole('button', { name: 'Log in with One Horizon' }).waitFor()
  await picture('logged-out')
  assert.deepEqual(problems, [])
  console.log(`walked through ${site} with Chromium ${browser.version()}`)
} finally {
  await browser.close()
}
