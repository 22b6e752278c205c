// Clicks through the login example and takes a screenshot of every page.
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
  // Only loopback requests are allowed.
  await context.route(url => url.hostname !== '127.0.0.1', route => route.abort())
  const page = await context.newPage()
  const problems = []
  page.on('pageerror', error => problems.push(String(error)))
  const screenshot = name => page.screenshot({ path: `${folder}/${name}.png` })
  const press = name => page.getByRole('button', { name, exact: true }).click()

  await page.goto(`${site}/`)
  await screenshot('welcome')
  await press('Log in with One Horizon')
  await page.getByText('act for you?').waitFor()
  const away = new URL(page.url())
  assert.equal(away.pathname, '/app/auth/authorize')
  assert.equal(away.searchParams.get('code_challenge_method'), 'S256')
  await screenshot('consent')

  // First a denial, which must not log anybody in.
  await press('Deny')
  await page.getByText('access_denied').waitFor()
  await screenshot('denied')
  await page.getByRole('link', { name: 'To the first page' }).click()

  await press('Log in with One Horizon')
  await page.getByLabel('u_ada (owner)').check()
  await press('Allow')
  await page.getByRole('heading', { name: 'Your tasks' }).waitFor()
  assert.equal(page.url(), `${site}/`, 'the code does not stay in the URL')
  await page.getByText('Self-serve onboarding').waitFor()
  await screenshot('tasks')
  const cookies = await context.cookies(site)
  assert.ok(cookies.length === 1 && cookies[0].httpOnly && cookies[0].sameSite === 'Lax', JSON.stringify(cookies))
  assert.equal(await page.evaluate(() => document.cookie), '', 'no script can read the session')

  await press('Refresh the tokens')
  await page.getByText('The tokens were replaced.').waitFor()
  await screenshot('refreshed')
  await page.getByRole('link', { name: 'Back to the tasks' }).click()
  await page.getByText('Self-serve onboarding').waitFor()

  await press('Log out')
  await page.getByRole('button', { name: 'Log in with One Horizon' }).waitFor()
  await screenshot('logged-out')
  assert.deepEqual(problems, [])
  console.log(`clicked through ${site} with Chromium ${browser.version()}`)
} finally {
  await browser.close()
}
