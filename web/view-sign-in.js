// Signing in with an API key.
import { signIn, state } from './app.js'
import { h } from './dom.js'
import { t } from './i18n.js'
import { amend, go, to } from './places.js'
import { code } from './parts.js'

export default async function signInView({ params }) {
  if (state.session) go(to.overview())
  const told = h('p', { class: 'wrong', role: 'alert' })
  const key = h('input', { type: 'password', id: 'key', name: 'key', autocomplete: 'current-password', required: true, spellcheck: 'false' })
  const button = h('button', { type: 'submit', class: 'primary' }, t('sign_in'))
  const enter = async () => {
    told.textContent = ''
    button.disabled = true
    try {
      await signIn(key.value)
    } catch (fault) {
      told.textContent = fault.status === 401 ? t('sign_in.wrong') : fault.status === 503 ? t('trouble.away') : fault.status === 0 ? t('trouble.unreachable') : fault.message
      button.disabled = false
      key.focus()
    }
  }
  const form = h('form', { on: { submit: (event) => {
    event.preventDefault()
    enter()
  } } }, h('label', { for: 'key' }, t('sign_in.key')), key, told, button)
  const node = h('div', { class: 'view sign-in' }, h('h1', { tabindex: '-1' }, t('sign_in.title')), h('p', {}, t('sign_in.why')), form,
    h('details', {}, h('summary', {}, t('sign_in.how')),
      h('p', {}, t('sign_in.make')), code('vod-receiver keys create --name support --scope read'),
      h('p', {}, t('sign_in.try')), code('. data/try-out.env && echo $ADMIN_KEY')))
  // Try-out mode prints an address that holds the key; it does not stay there.
  if (params.key) {
    amend(to.signIn())
    key.value = params.key
    node.ready = enter()
  } else {
    setTimeout(() => key.focus(), 0)
  }
  return { title: t('sign_in'), node }
}
