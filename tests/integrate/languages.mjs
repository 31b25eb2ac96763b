// How each example of docs/integrate.md is run: its backend, and its follower.
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const folder = (name) => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))

// The commands as the document tells them; `settings` are added to the environment.
export const languages = {
  curl: {
    cwd: folder('curl'),
    follow: (way) => ['sh', 'follow.sh', way],
  },
  node: {
    cwd: folder('node'),
    backend: () => ['node', 'backend.mjs'],
    follow: (way) => ['node', 'follow.mjs', way],
  },
  python: {
    cwd: folder('python'),
    backend: () => ['python3', 'backend.py'],
    follow: (way) => ['python3', 'follow.py', way],
  },
  go: {
    cwd: folder('go'),
    // Built once: `go run` would have to be waited for each time.
    prepare: (scratch) => run('sh', ['-c', `go vet ./... && go build -o '${scratch}/go/' ./backend ./follow`], { cwd: folder('go') }),
    backend: (_, scratch) => [`${scratch}/go/backend`],
    follow: (way, scratch) => [`${scratch}/go/follow`, way],
  },
  php: {
    cwd: folder('php'),
    settings: { PHP_CLI_SERVER_WORKERS: '4' },
    backend: (port) => ['php', '-S', `127.0.0.1:${port}`, 'backend.php'],
    follow: (way) => ['php', 'follow.php', way],
  },
  java: {
    cwd: folder('java'),
    prepare: (scratch) => run('sh', ['-c', `javac -d '${scratch}/java' *.java`], { cwd: folder('java') }),
    backend: (_, scratch) => ['java', '-cp', `${scratch}/java`, 'Backend'],
    follow: (way, scratch) => ['java', '-cp', `${scratch}/java`, 'Follow', way],
  },
}

// A shell is no server: this is one that runs the two scripts, as a backend would.
export function serveScripts(port, settings) {
  const environment = { cwd: folder('curl'), env: { ...process.env, ...settings } }
  const routes = {
    'POST /upload-signature': async (user, _, body) => {
      const { ticket } = JSON.parse(body)
      const { stdout } = await run('sh', ['upload-signature.sh', user, ...(ticket ? [ticket] : [])], environment)
      return JSON.parse(stdout)
    },
    'GET /my-upload': async (user, query) => {
      const { stdout } = await run('sh', ['my-upload.sh', query.get('ticket')], environment)
      const told = JSON.parse(stdout)
      if (told.user_id !== user) throw Object.assign(new Error('not yours'), { status: 404 })
      return { uploads: told.uploads.map(({ file_id, name, media_url }) => ({ file_id, name, media_url })) }
    },
  }
  const status = (fault) => {
    if (fault.status) return fault.status
    if (fault.code === 2) return 400 // `my-upload.sh`: no ticket
    const { code } = JSON.parse(fault.stdout || '{}') // what the receiver said
    return { conflict: 409, not_found: 404 }[code] ?? 503
  }
  const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost')
    let body = ''
    for await (const chunk of request) body += chunk
    try {
      const user = request.headers['x-demo-user']
      if (!user) throw Object.assign(new Error('who?'), { status: 401 })
      const told = await routes[`${request.method} ${pathname}`](user, searchParams, body)
      response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(told))
    } catch (fault) {
      response.writeHead(status(fault)).end('{}')
    }
  })
  return new Promise((resolve) => { server.listen(port, '127.0.0.1', () => resolve(() => server.close())) })
}
