// JSON as it is written: a file id that came as a number keeps all its digits.

class Digits {
  constructor(text) {
    this.text = text
  }
}

// The value of a JSON text, in which numbers are `Digits`; undefined if it is none.
export function readJson(text) {
  try {
    return JSON.parse(text, (_, value, context) => (typeof value === 'number' ? new Digits(context?.source ?? String(value)) : value))
  } catch {
    return undefined
  }
}

export function writeJson(value, indent = '') {
  const deeper = `${indent}  `
  if (value instanceof Digits) return value.text
  if (Array.isArray(value)) {
    if (!value.length) return '[]'
    return `[\n${value.map((item) => deeper + writeJson(item, deeper)).join(',\n')}\n${indent}]`
  }
  if (value && typeof value === 'object') {
    const members = Object.entries(value)
    if (!members.length) return '{}'
    return `{\n${members.map(([name, member]) => `${deeper}${JSON.stringify(name)}: ${writeJson(member, deeper)}`).join(',\n')}\n${indent}}`
  }
  return JSON.stringify(value)
}

// Every value that is not an object or a list, with the way to it.
export function* leaves(value, path = []) {
  if (value && typeof value === 'object' && !(value instanceof Digits)) {
    const members = Object.entries(value)
    if (!members.length) yield [path, value]
    for (const [name, member] of members) yield* leaves(member, [...path, name])
  } else {
    yield [path, value instanceof Digits ? value.text : value]
  }
}
