// What to do where nothing has happened yet.
import { h } from './dom.js'
import { t } from './i18n.js'
import { code, empty, link } from './parts.js'

export function firstUpload() {
  const url = location.origin
  return empty(t('first.title'), h('p', {}, t('first.why')),
    h('ol', {}, h('li', {}, t('first.sign'), code(`curl -sS ${url}/v1/signatures -H "Authorization: Bearer $KEY" \\\n  -H 'Content-Type: application/json' -d '{"user_id": "alice"}'`)),
      h('li', {}, t('first.trigger'), code('vod-receiver trigger NewFileUpload --ticket "$TICKET"')),
      h('li', {}, t('first.look'))),
    h('p', { class: 'faint' }, t('first.more'), ' ', link('docs/', t('first.docs'))))
}
