// Words, numbers and times in the reader's language.

export const LANGUAGES = { en: 'English', 'zh-CN': '中文' }

export const language = () => document.documentElement.lang

let words = {}

export async function loadWords() {
  words = (await (language() === 'en' ? import('./words-en.js') : import('./words-zh.js'))).default
}

// The words of a key, with what stands in {braces} filled in; a key without words stands for itself.
export function t(key, values = {}) {
  const text = words[key] ?? key
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole)
}

export const has = (key) => key in words

export function keepLanguage(code) {
  keep('language', code)
  document.documentElement.lang = code
}

export function keep(name, value) {
  try {
    if (value === null) localStorage.removeItem(name)
    else localStorage.setItem(name, value)
  } catch {
    // A browser that keeps nothing: it holds for this page.
  }
}

const cached = new Map()
function format(kind, options) {
  const key = language() + JSON.stringify(options)
  if (!cached.has(key)) cached.set(key, new kind(language(), options))
  return cached.get(key)
}

export const number = (value) => format(Intl.NumberFormat, {}).format(value)

export const compact = (value) =>
  value < 10_000 ? number(value) : format(Intl.NumberFormat, { notation: 'compact', maximumFractionDigits: 1 }).format(value)

export const percent = (part, whole) =>
  whole ? format(Intl.NumberFormat, { style: 'percent', maximumFractionDigits: 1 }).format(part / whole) : '–'

// In the reader's time zone, to the second, as it sorts: 2026-11-26 05:36:15.
export function time(text) {
  const at = new Date(text)
  const two = (value) => String(value).padStart(2, '0')
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

export const shortTime = (date, options) => format(Intl.DateTimeFormat, { hourCycle: 'h23', ...options }).format(date)

const STEPS = [[60, 'second', 1], [3600, 'minute', 60], [86_400, 'hour', 3600], [Infinity, 'day', 86_400]]

export function ago(text) {
  const seconds = (Date.now() - new Date(text)) / 1000
  const [, unit, size] = STEPS.find(([most]) => Math.abs(seconds) < most)
  return format(Intl.RelativeTimeFormat, { numeric: 'always', style: 'narrow' }).format(-Math.round(seconds / size), unit)
}

// A span of time, to two figures that matter: 340 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h.
export function span(seconds) {
  const [sign, s] = [seconds < 0 ? '−' : '', Math.abs(seconds)]
  if (s === 0) return '0 s'
  if (s < 1) return `${sign}${Math.round(s * 1000)} ms`
  if (s < 60) return `${sign}${number(Math.round(s * 10) / 10)} s`
  const two = (large, big, small, little, of) => {
    const rest = Math.round((s - large * of) / little)
    return `${sign}${large} ${big}${rest ? ` ${rest} ${small}` : ''}`
  }
  if (s < 3600) return two(Math.floor(s / 60), 'min', 's', 1, 60)
  if (s < 86_400) return two(Math.floor(s / 3600), 'h', 'min', 60, 3600)
  return two(Math.floor(s / 86_400), 'd', 'h', 3600, 86_400)
}

export function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  const step = count < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(count) / 3))
  const value = count / 1000 ** step
  return `${format(Intl.NumberFormat, { maximumFractionDigits: value < 10 && step ? 1 : 0 }).format(value)} ${units[step]}`
}
