// What the browser is put in: the example's backend, a TLS door for the hosts of VOD, and Chromium.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import tls from 'node:tls'
import { fileURLToPath } from 'node:url'
import { chromium } from 'playwright-core'

// The first byte of a connection that speaks TLS.
const TLS_HANDSHAKE = 0x16

const EXAMPLE = fileURLToPath(new URL('../../../examples/web-upload/server.mjs', import.meta.url))

// The example's backend as it is; its address.
export function startExample(settings) {
  const process_ = spawn(process.execPath, [EXAMPLE], {
    env: { ...process.env, PORT: '0', ...settings },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: process_.stdout })
  return new Promise((resolve, reject) => {
    lines.once('line', (line) => resolve({ url: line.trim(), stop: () => process_.kill() }))
    process_.once('exit', (code) => reject(new Error(`the example ended with ${code}`)))
  })
}

// The hosts of VOD as a browser wants them, with TLS, and without for COS, which the SDK asks as the page was asked.
// Bytes go on to the local VOD as they come, Host header included.
export function startTlsDoor(simulator) {
  const scratch = mkdtempSync(join(tmpdir(), 'vod-tls-'))
  const [key, cert] = [join(scratch, 'key.pem'), join(scratch, 'cert.pem')]
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
    '-days', '2', '-subj', '/CN=vod2.qcloud.com', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  const { port } = new URL(simulator)
  const server = tls.createServer({ key: readFileSync(key), cert: readFileSync(cert), ALPNProtocols: ['http/1.1'] })
  rmSync(scratch, { recursive: true })
  const pass = (socket) => {
    const onward = net.connect(Number(port), '127.0.0.1')
    socket.pipe(onward).pipe(socket)
    socket.on('error', () => onward.destroy())
    onward.on('error', () => socket.destroy())
  }
  server.on('secureConnection', pass)
  server.on('tlsClientError', () => {})
  const door = net.createServer((socket) => {
    socket.on('error', () => socket.destroy())
    socket.once('data', (first) => {
      socket.pause()
      socket.unshift(first)
      if (first[0] === TLS_HANDSHAKE) server.emit('connection', socket)
      else pass(socket)
    })
  })
  return new Promise((resolve) => {
    door.listen(0, '127.0.0.1', () => resolve({ port: door.address().port, stop: () => door.close() }))
  })
}

// Chromium in which the hosts of VOD, and no others, are at this port.
export function startBrowser(port) {
  const hosts = ['*.qcloud.com', '*.dnsv1.com', '*.myqcloud.com'].map((host) => `MAP ${host} 127.0.0.1:${port}`)
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync', '--ignore-certificate-errors',
      `--host-resolver-rules=${hosts.join(', ')}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1`],
  })
}
