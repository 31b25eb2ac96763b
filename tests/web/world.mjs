// What the page shows: a receiver in which something has happened, and a browser that is watched.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
export const DEADLINE_MS = 15_000

// File names as end users may choose them.
export const HOSTILE = {
  markup: '"><img src=x onerror=alert(1)><script>alert(2)</script>',
  turned: 'invoice \u202egpj.exe\u202c end',
  long: '長い'.repeat(2500) + 'x'.repeat(5000),
}

export class Receiver {
  constructor({ url, key, token, binary, config }) {
    Object.assign(this, { url, key, token, binary, config })
  }

  async ask(method, path, body) {
    const headers = { Authorization: `Bearer ${this.key}`, 'Content-Type': 'application/json' }
    const answer = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) })
    assert.ok(answer.ok, `${method} ${path}: ${answer.status}`)
    return answer.json()
  }

  signature(body) {
    return this.ask('POST', '/v1/signatures', body)
  }

  push(event) {
    const body = typeof event === 'string' ? event : JSON.stringify(event)
    return fetch(`${this.url}/callbacks/main/${this.token}`, { method: 'POST', body })
  }

  async upload(fileId, context, name = 'holiday 假期', agoMs = 4000) {
    const at = `${new Date(Date.now() - agoMs).toISOString().slice(0, 19)}Z`
    const answer = await this.push({
      EventType: 'NewFileUpload',
      FileUploadEvent: {
        FileId: fileId,
        MediaBasicInfo: {
          Name: name, CreateTime: at, UpdateTime: at, ClassId: 0, Type: 'mp4', StorageRegion: 'ap-chongqing',
          MediaUrl: `https://1500000001.vod2.myqcloud.com/${fileId}/f0.mp4`,
          SourceInfo: { SourceType: 'Upload', SourceContext: context },
        },
        MetaData: { Size: 7700180, Duration: 60.04, Width: 1280, Height: 720, Bitrate: 1021028 },
        ProcedureTaskId: '',
      },
    })
    assert.equal(answer.status, 200)
  }

  // A key with these scopes, made as an operator does.
  newKey(name, scopes) {
    const made = execFileSync(this.binary, ['--config', this.config, 'keys', 'create', '--name', name, '--scope', scopes])
    return made.toString().trim()
  }

  revoke(name) {
    execFileSync(this.binary, ['--config', this.config, 'keys', 'revoke', name])
  }
}

// Some of everything.
export async function live(receiver) {
  const users = ['alice', 'bob', '李雷', 'a/b "quoted" & <b>', '4711']
  for (let i = 0; i < 75; i += 1) {
    const { ticket } = await receiver.signature({ user_id: users[i % users.length], one_time: i % 2 === 0, context: i % 3 ? undefined : { order: i } })
    if (i % 5 === 4) continue
    await receiver.upload(`52858907842735${String(i).padStart(5, '0')}`, ticket, `video ${i}`)
    if (i % 10 === 0) await receiver.upload(`52858907842735${String(i).padStart(5, '0')}`, ticket, `video ${i}`)
  }
  const task = '1500000001-procedurev2-abct0'
  const { ticket, signature } = await receiver.signature({ user_id: 'alice', procedure: 'LongVideoPreset' })
  await receiver.upload('7031868222808505913', ticket, 'holiday 假期')
  await receiver.push({ EventType: 'ProcedureStateChanged', ProcedureStateChangeEvent: {
    TaskId: task, Status: 'FINISH', FileId: '7031868222808505913', SessionContext: ticket,
    MediaProcessResultSet: [{ Type: 'Transcode', TranscodeTask: { Status: 'SUCCESS', ErrCodeExt: '', Output: { Url: 'https://1500000001.vod2.myqcloud.com/v.f20.mp4', Definition: 20 } } }],
  } })
  await receiver.upload('800001', '', 'from the console')
  await receiver.upload('800002', 'uid=77;legacy', 'of another system')
  await receiver.upload('800011', '', HOSTILE.markup)
  await receiver.upload('800012', '', HOSTILE.turned)
  await receiver.upload('800013', '', HOSTILE.long)
  await receiver.push('this is not JSON')
  await receiver.push({ no: 'event' })
  const { items } = await receiver.ask('GET', '/v1/deliveries?state=quarantined')
  return { ticket, signature, task, quarantined: items[0].id, fileId: '7031868222808505913' }
}

export const startBrowser = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1'],
})

// A browser window that remembers every fault of the page, and everybody whom it asked.
export async function open(browser, receiver, { language = 'en-US', theme = 'light', width = 1280, key = receiver.key } = {}) {
  const context = await browser.newContext({ locale: language, colorScheme: theme, viewport: { width, height: width < 600 ? 800 : 900 } })
  const page = await context.newPage()
  const faults = []
  const asked = new Set()
  page.on('console', (said) => ['error', 'warning'].includes(said.type()) && faults.push(`${said.type()}: ${said.text()}`))
  page.on('pageerror', (fault) => faults.push(`thrown: ${fault.stack}`))
  page.on('dialog', (dialog) => {
    faults.push(`a dialog: ${dialog.message()}`)
    dialog.dismiss()
  })
  page.on('request', (request) => asked.add(new URL(request.url()).origin))
  const view = {
    page, context, faults, asked,
    async settled() {
      await page.waitForFunction(() => document.querySelector('main')?.getAttribute('aria-busy') === 'false' && !document.querySelector('.listing[aria-busy=true]'), null, { timeout: DEADLINE_MS })
    },
    async go(hash) {
      await page.goto(`${receiver.url}/#${hash}`)
      await view.settled()
    },
    async signIn(secret = key) {
      await page.goto(`${receiver.url}/`)
      await page.fill('#key', secret)
      await page.click('button.primary')
      await page.waitForSelector('.tiles', { timeout: DEADLINE_MS })
      await view.settled()
    },
    // Serious faults that axe finds, a line each. Not by a script of the page's: its policy lets none in.
    async unfair() {
      const cdp = await context.newCDPSession(page)
      await cdp.send('Runtime.evaluate', { expression: AXE })
      const { result, exceptionDetails } = await cdp.send('Runtime.evaluate', {
        expression: `axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => JSON.stringify(violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, impact, nodes }) => impact + ' ' + id + ': ' + nodes.slice(0, 3).map(({ html, failureSummary }) => html.slice(0, 160) + ' ' + failureSummary.replace(/\\s+/g, ' ').slice(0, 200)).join(' | '))))`,
        awaitPromise: true, returnByValue: true,
      })
      await cdp.detach()
      assert.ok(!exceptionDetails, JSON.stringify(exceptionDetails))
      return JSON.parse(result.value)
    },
    async isWithin() {
      const [wide, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth])
      assert.ok(wide <= inner, `the page is ${wide} wide in a window of ${inner}`)
    },
    close: () => context.close(),
  }
  return view
}
