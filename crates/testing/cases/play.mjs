// Plays the conformance cases with a receiver at a URL, or with a client through an adapter.
//   node play.mjs receiver --url URL [--handled-url URL] [--handler] [--unsigned]
//   node play.mjs client --adapter ADAPTER.mjs
// Both take --only ID or CATEGORY, and --markdown FILE for the census as tables. README.md says what a case is.
// Exit code: 0 all held, 1 some are broken, 2 the command line is wrong or a case was left out without a reason.
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { clientPlayer } from './client.mjs'
import { receiverPlayer } from './receiver.mjs'

const folder = dirname(fileURLToPath(import.meta.url))

function usage(problem) {
  console.error(`play: ${problem}; see the first lines of play.mjs`)
  process.exit(2)
}

let parsed
try {
  parsed = parseArgs({
    allowPositionals: true,
    options: {
      url: { type: 'string' }, 'handled-url': { type: 'string' }, handler: { type: 'boolean' }, unsigned: { type: 'boolean' },
      adapter: { type: 'string' }, only: { type: 'string' }, markdown: { type: 'string' }
    }
  })
} catch (error) {
  usage(error.message)
}
const { values: options, positionals } = parsed

async function makePlayer() {
  if (positionals.length !== 1) usage('say what is played: receiver or client')
  if (positionals[0] === 'receiver') {
    if (!options.url) usage('say where the receiver is: --url http://127.0.0.1:3000/webhook')
    return receiverPlayer(options)
  }
  if (positionals[0] === 'client') {
    if (!options.adapter) usage('say how the client is called: --adapter ADAPTER.mjs')
    const adapter = await import(pathToFileURL(resolve(options.adapter)).href)
    return clientPlayer(adapter.default)
  }
  usage(`there is nothing called ${positionals[0]} to play: receiver or client`)
}

// A player has `plays`, the kinds of files it can play; `reason(category, entry)`, why a case is not played, if so; and
// `play(category, entry)`, which returns what did not hold: pairs of an expectation's name and a sentence.
const player = await makePlayer()
const files = readdirSync(folder).filter(name => name.endsWith('.json') && name !== 'schema.json').sort()
const results = []
let total = 0
for (const file of files) {
  const category = JSON.parse(readFileSync(join(folder, file), 'utf8'))
  for (const entry of category.cases) {
    if (options.only && options.only !== entry.id && options.only !== category.category) continue
    total += 1
    const reason = player.plays.includes(category.player)
      ? player.reason(category, entry)
      : player.elsewhere[category.player]
    const result = { category: category.category, id: entry.id, name: entry.name, reason, problems: [] }
    if (!reason) result.problems = await player.play(category, entry)
    results.push(result)
    for (const [, problem] of result.problems) console.log(`broken ${entry.id} ${entry.name}: ${problem}`)
  }
}

const states = { held: [], broken: [], 'not played': [] }
for (const one of results) states[one.reason ? 'not played' : one.problems.length ? 'broken' : 'held'].push(one)
const count = (state, category) => states[state].filter(one => !category || one.category === category).length
const categories = [...new Set(results.map(one => one.category))]

const rows = categories.map(name => [name, count('held', name), count('broken', name), count('not played', name)])
rows.push(['all', count('held'), count('broken'), count('not played')])
console.log(`\n${'category'.padEnd(16)}${'held'.padStart(6)}${'broken'.padStart(8)}${'not played'.padStart(12)}`)
for (const [name, held, broken, left] of rows) {
  console.log(`${name.padEnd(16)}${String(held).padStart(6)}${String(broken).padStart(8)}${String(left).padStart(12)}`)
}
const reasons = Object.groupBy?.(states['not played'], one => one.reason) ?? {}
if (!Object.groupBy) for (const one of states['not played']) (reasons[one.reason] ??= []).push(one)
for (const [reason, ones] of Object.entries(reasons)) console.log(`not played, ${ones.length}: ${reason}`)
for (const note of player.notes()) console.log(note)

if (options.markdown) {
  const lines = ['| category | held | broken | not played |', '|---|---|---|---|', ...rows.map(row => `| ${row.join(' | ')} |`), '']
  for (const [reason, ones] of Object.entries(reasons)) lines.push(`Not played, ${ones.length}: ${reason}.`, '')
  lines.push('| case | | what is otherwise |', '|---|---|---|')
  const escape = text => text.replace(/[|<>&\\]/g, sign => `&#${sign.codePointAt(0)};`).replace(/\s+/g, ' ')
  for (const one of states.broken) {
    lines.push(`| ${one.id} | ${escape(one.name)} | ${[...new Set(one.problems.map(([name]) => name))].join(', ')} |`)
  }
  writeFileSync(options.markdown, `${lines.join('\n')}\n`)
}
if (total === 0) usage(`no case is called ${options.only}`)
if (count('held') + count('broken') + count('not played') !== total) usage('a case was left out')
process.exit(count('broken') ? 1 : 0)
