// Addresses of the page's views. They stand behind the `#`, which browsers keep to themselves.
import { part, query } from './api.js'

export const to = {
  overview: (params = {}) => `#/${query(params)}`,
  uploads: (params = {}) => `#/uploads${query(params)}`,
  upload: ({ app, file_id }) => `#/uploads/${part(file_id)}${query({ app })}`,
  user: (user) => `#/users/${part(user)}`,
  ticket: (ticket) => `#/tickets/${part(ticket)}`,
  signatures: (params = {}) => `#/signatures${query(params)}`,
  deliveries: (params = {}) => `#/deliveries${query(params)}`,
  delivery: (id) => `#/deliveries/${part(id)}`,
  find: (q) => `#/find${query({ q })}`,
  inspect: () => '#/inspect',
  signIn: () => '#/sign-in',
}

// Where the address bar is: the parts of the path, and the parameters.
export function here() {
  const [path, search = ''] = (location.hash.slice(1) || '/').split(/\?(.*)/s)
  const parts = path.split('/').filter(Boolean).map(decoded)
  return { parts, params: Object.fromEntries(new URLSearchParams(search)) }
}

function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const go = (address) => {
  if (location.hash === address) window.dispatchEvent(new HashChangeEvent('hashchange'))
  else location.hash = address
}

// The same view with other parameters, in the place of this one in the browser's history.
export function amend(address) {
  history.replaceState(null, '', address)
}
