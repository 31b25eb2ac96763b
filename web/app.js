// The page: who is signed in, the bar at the top, and the view that the address asks for.
import { get, listen, post, remove } from './api.js'
import { h, icon, replace } from './dom.js'
import * as feed from './feed.js'
import { LANGUAGES, keep, keepLanguage, language, loadWords, t } from './i18n.js'
import { announcements, trouble } from './parts.js'
import { go, here, to } from './places.js'

const VIEWS = {
  '': () => import('./view-overview.js'),
  uploads: (parts) => (parts.length > 1 ? import('./view-upload.js') : import('./view-uploads.js')),
  users: () => import('./view-user.js'),
  tickets: () => import('./view-ticket.js'),
  signatures: () => import('./view-signatures.js'),
  deliveries: (parts) => (parts.length > 1 ? import('./view-delivery.js') : import('./view-deliveries.js')),
  inspect: () => import('./view-inspect.js'),
  find: () => import('./view-find.js'),
  'sign-in': () => import('./view-sign-in.js'),
}

export const state = { session: null, may: (scope) => state.session?.scopes.includes(scope) ?? false }

const main = h('main', { id: 'main', tabindex: '-1' })
const bar = h('header', { class: 'bar' })
const warning = h('div', { class: 'warning', role: 'alert', hidden: true })
let leaving = new AbortController()
let wanted = null

function drawBar() {
  const { parts } = here()
  const tab = (address, words, first) => h('a', { href: address, 'aria-current': (parts[0] ?? '') === first ? 'page' : undefined }, words)
  const field = h('input', {
    type: 'search', id: 'find', name: 'find', autocomplete: 'off', spellcheck: 'false', 'aria-label': t('find.label'), placeholder: t('find.hint'),
  })
  field.addEventListener('paste', (event) => {
    // A line break would be lost, and a body is better read where there is room.
    const text = event.clipboardData?.getData('text') ?? ''
    if (!/^\s*[[{]/.test(text) && text.length < 300) return
    event.preventDefault()
    inspect(text)
  })
  const form = h('form', { class: 'find', role: 'search', on: { submit: (event) => {
    event.preventDefault()
    const text = field.value.trim()
    if (!text) return
    field.blur()
    if (/^[[{]/.test(text) || text.length > 300) inspect(text)
    else go(to.find(text))
  } } }, icon('search'), field, h('kbd', { 'aria-hidden': 'true' }, '/'))
  replace(bar, h('a', { class: 'skip', href: '#main', on: { click: (event) => {
    event.preventDefault()
    main.focus()
  } } }, t('skip')),
  h('a', { class: 'brand', href: to.overview() }, h('span', { class: 'dot', 'aria-hidden': 'true' }), 'vod-receiver'),
  state.session ? [
    h('nav', { 'aria-label': t('nav') },
      tab(to.overview(), t('overview'), ''), tab(to.uploads(), t('uploads'), 'uploads'), tab(to.signatures(), t('permissions'), 'signatures'),
      state.may('admin') ? tab(to.deliveries(), t('deliveries'), 'deliveries') : null, tab(to.inspect(), t('inspect'), 'inspect')),
    form,
  ] : null,
  h('div', { class: 'tools' }, languages(), themes(), state.session ? signedIn() : null))
}

function languages() {
  const choose = h('select', { 'aria-label': t('language'), class: 'quiet' },
    Object.entries(LANGUAGES).map(([code, name]) => h('option', { value: code, lang: code, selected: code === language() }, name)))
  choose.addEventListener('change', async () => {
    keepLanguage(choose.value)
    await loadWords()
    drawBar()
    show()
  })
  return choose
}

function themes() {
  const root = document.documentElement
  const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches)
  const button = h('button', { type: 'button', class: 'ghost', 'aria-label': t('theme'), title: t('theme') }, icon(isDark() ? 'sun' : 'moon'))
  button.addEventListener('click', () => {
    const next = isDark() ? 'light' : 'dark'
    root.dataset.theme = next
    keep('theme', next)
    button.replaceChildren(icon(isDark() ? 'sun' : 'moon'))
    window.dispatchEvent(new Event('theme'))
  })
  return button
}

function signedIn() {
  const { name, scopes } = state.session
  return h('div', { class: 'who' }, h('span', { class: 'clip', title: scopes.join(', ') }, name),
    h('button', { type: 'button', class: 'ghost', 'aria-label': t('sign_out'), title: t('sign_out'), on: { click: signOut } }, icon('out')))
}

// A pasted secret stays out of the address bar.
function inspect(text) {
  state.pasted = text
  go(to.inspect())
}

async function signOut() {
  await remove('/session').catch(() => {})
  signedOut()
}

function signedOut() {
  feed.stop()
  state.session = null
  if (here().parts[0] !== 'sign-in') wanted = location.hash
  drawBar()
  go(to.signIn())
}

export async function signIn(key) {
  state.session = await post('/session', { key })
  drawBar()
  const next = wanted && !wanted.startsWith('#/sign-in') ? wanted : to.overview()
  wanted = null
  go(next)
}

let shown = 0
async function show() {
  leaving.abort()
  leaving = new AbortController()
  const { signal } = leaving
  const { parts, params } = here()
  if (!state.session && parts[0] !== 'sign-in') return signedOut()
  const turn = (shown += 1)
  drawCurrent(parts[0] ?? '')
  main.setAttribute('aria-busy', 'true')
  const view = VIEWS[parts[0] ?? ''] ?? (() => import('./view-find.js'))
  try {
    const { default: draw } = await view(parts)
    const drawn = await draw({ parts, params, signal, state })
    if (signal.aborted) return
    document.title = `${drawn.title} · vod-receiver`
    replace(main, drawn.node)
    await drawn.node.ready
  } catch (fault) {
    if (signal.aborted || fault.name === 'AbortError') return
    if (fault.status === 401) return
    replace(main, h('div', { class: 'view' }, trouble(fault.status === undefined ? Object.assign(fault, { status: 500 }) : fault, show)))
  } finally {
    if (turn === shown) {
      main.setAttribute('aria-busy', 'false')
      // Whoever came by a link is told where he is; whoever came by the address bar is there already.
      if (turn > 1) main.querySelector('h1')?.focus({ preventScroll: true })
      if (turn > 1) scrollTo(0, 0)
    }
  }
}

function drawCurrent(first) {
  for (const tab of bar.querySelectorAll('nav a')) {
    const [own = ''] = tab.getAttribute('href').slice(2).split(/[/?]/)
    if (own === first) tab.setAttribute('aria-current', 'page')
    else tab.removeAttribute('aria-current')
  }
}

// Postgres is away, or the receiver is: what is shown may be old. It is asked until it is back.
let looking = null
function postgres(how) {
  const away = how !== 'there'
  if (away === !warning.hidden && !away) return
  warning.hidden = !away
  replace(warning, away ? t(how === 'away' ? 'trouble.away' : 'trouble.unreachable') : null)
  clearInterval(looking)
  if (!away) return
  looking = setInterval(async () => {
    const ready = await fetch('readyz').catch(() => null)
    if (!ready?.ok) return
    clearInterval(looking)
    warning.hidden = true
    if (state.session) show()
    else start()
  }, 3000)
}

document.addEventListener('keydown', (event) => {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey) {
    event.preventDefault()
    document.getElementById('find')?.focus()
  }
})
addEventListener('hashchange', show)
listen({ signedOut, postgres })

async function start() {
  try {
    state.session = await get('/session')
  } catch (fault) {
    replace(main, h('div', { class: 'view' }, trouble(fault, start)))
    return
  }
  drawBar()
  await show()
}

// Not awaited here: the views import this module, and would wait for it.
loadWords().then(() => {
  document.body.append(bar, warning, main, announcements())
  drawBar()
  return start()
})
