// The page, as people use it, in Chromium: every view in both languages, both themes and two widths, and what it promises.
//
//   node check.mjs RECEIVER ADMIN_KEY CALLBACK_TOKEN BINARY CONFIG SCREENSHOTS
import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { DEADLINE_MS, HOSTILE, Receiver, live, open, startBrowser } from './world.mjs'

const [url, key, token, binary, config, shots] = process.argv.slice(2)
const receiver = new Receiver({ url, key, token, binary, config })
const FIRST_VISIT_BYTES = 200_000
mkdirSync(shots, { recursive: true })

const views = (known) => ({
  overview: '/', 'overview-hour': '/?range=hour', 'overview-year': '/?range=year',
  uploads: '/uploads', nobodys: '/uploads?attribution=none', 'none-such': '/uploads?user_id=no-such-user',
  upload: `/uploads/${known.fileId}`, 'upload-of-nobody': '/uploads/800001', 'upload-hostile': '/uploads/800011', 'upload-turned': '/uploads/800012', 'upload-long': '/uploads/800013',
  user: '/users/alice', 'user-unknown': '/users/nobody-of-that-name', ticket: `/tickets/${known.ticket}`,
  permissions: '/signatures', 'permissions-pending': '/signatures?outcome=pending',
  deliveries: '/deliveries', quarantine: '/deliveries?state=quarantined', delivery: `/deliveries/${known.quarantined}`,
  inspector: '/inspect', find: '/find', 'find-nothing': '/find?q=no-such-thing', unknown: '/no/such/view',
})

// Each action of a person's counts.
function walker({ page }) {
  const walk = {
    actions: 0,
    async type(text) {
      walk.actions += 1
      await page.fill('#find', text)
    },
    async enter() {
      walk.actions += 1
      await page.press('#find', 'Enter')
    },
    async click(what) {
      walk.actions += 1
      await page.click(what)
    },
    async reads(what, words) {
      await page.waitForFunction(([what, words]) => document.querySelector(what)?.textContent.includes(words), [what, words], { timeout: DEADLINE_MS })
      assert.ok(walk.actions <= 3, `${walk.actions} actions`)
    },
  }
  return walk
}

const scenarios = {
  async 'every view, in both languages, both themes, on a phone and on a desktop'({ browser, known }) {
    for (const [language, theme, width] of [['en-US', 'light', 1280], ['zh-CN', 'dark', 1280], ['zh-CN', 'light', 390], ['en-US', 'dark', 390]]) {
      const view = await open(browser, receiver, { language, theme, width })
      await view.signIn()
      assert.equal(await view.page.getAttribute('html', 'lang'), language === 'zh-CN' ? 'zh-CN' : 'en')
      for (const [name, hash] of Object.entries(views(known))) {
        const at = `${name}-${language.slice(0, 2)}-${theme}-${width}`
        await view.go(hash)
        if (name.startsWith('overview')) await view.page.waitForSelector('.chart canvas')
        assert.deepEqual(await view.unfair(), [], at)
        await view.isWithin()
        assert.deepEqual(view.faults, name === 'find-nothing' ? view.faults.filter((fault) => !fault.includes('404')) : [], at)
        await view.page.screenshot({ path: `${shots}/${at}.png`, fullPage: true })
        const untold = await view.page.evaluate(() => document.body.innerText.match(/\b[a-z_]+\.[a-z_]+\.[a-z_]+\b|undefined|\[object |NaN/)?.[0])
        assert.equal(untold, undefined, `${at}: a text without words`)
      }
      assert.deepEqual([...view.asked], [new URL(url).origin], 'nobody else is asked')
      await view.close()
    }
  },

  async 'the first visit is small'({ browser }) {
    const view = await open(browser, receiver)
    const cdp = await view.context.newCDPSession(view.page)
    await cdp.send('Network.enable')
    const sizes = new Map()
    cdp.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => sizes.set(requestId, encodedDataLength))
    await view.signIn()
    await view.page.waitForSelector('.chart canvas')
    const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0)
    console.log(`        ${bytes} bytes over the wire in ${sizes.size} answers, sign-in and overview`)
    assert.ok(sizes.size > 10 && bytes < FIRST_VISIT_BYTES)
    await view.close()
  },

  async 'where is my video?'({ browser }) {
    const view = await open(browser, receiver)
    await view.signIn()
    const walk = walker(view)
    await walk.type('alice')
    await walk.enter()
    await walk.reads('main', 'holiday 假期')
    await walk.click('text=holiday 假期')
    await walk.reads('main', '7031868222808505913')
    assert.match(await view.page.textContent('.badges'), /Succeeded/)
    await view.close()
  },

  async 'a story is told in its order, though VOD tells whole seconds'({ browser }) {
    const wait = 1000 - (Date.now() % 1000)
    await new Promise((resolve) => setTimeout(resolve, wait + 50))
    const { ticket } = await receiver.signature({ user_id: 'alice' })
    await receiver.upload('800021', ticket, 'within a second', 0)
    const view = await open(browser, receiver)
    await view.signIn()
    await view.go('/uploads/800021')
    const events = await view.page.$$eval('.story .event', (all) => all.map((event) => event.firstChild.textContent.trim()))
    assert.deepEqual(events, ['Permission given out: first signature', 'VOD has the file', 'Notification by push', 'Recorded here, and committed'])
    await view.close()
  },

  async 'who uploaded this?'({ browser, known }) {
    const view = await open(browser, receiver)
    await view.signIn()
    for (const text of [known.fileId, known.task, known.ticket]) {
      await view.go('/')
      const walk = walker(view)
      await walk.type(text)
      await walk.enter()
      await walk.reads('main .panel', 'alice')
    }
    await view.close()
  },

  async 'why is it nobody’s?'({ browser }) {
    const view = await open(browser, receiver)
    await view.signIn()
    const walk = walker(view)
    await walk.click('.tile.warn')
    await view.page.waitForSelector('text=of another system')
    await walk.click('text=of another system')
    await walk.reads('main', 'Its context is not a ticket, and no resolver finds a user in it.')
    await walk.reads('main .next', 'resolvers')
    assert.match(await view.page.textContent('main'), /uid=77;legacy/)
    await view.close()
  },

  async 'a file name is text, whatever it is'({ browser }) {
    const view = await open(browser, receiver, { width: 1280 })
    await view.signIn()
    for (const [hash, name] of [['/uploads/800011', HOSTILE.markup], ['/uploads', HOSTILE.markup], ['/uploads?attribution=none', HOSTILE.markup], ['/', HOSTILE.markup]]) {
      await view.go(hash)
      await view.page.waitForFunction((name) => document.querySelector('main').textContent.includes(name), name)
      assert.equal(await view.page.locator('img, main script').count(), 0)
    }
    await view.go('/uploads/800012')
    assert.match(await view.page.textContent('h1'), /invoice U\+202Egpj\.exeU\+202C end/)
    await view.go('/uploads/800013')
    const tall = await view.page.locator('h1').boundingBox()
    assert.ok(tall.height < 120, `the heading is ${tall.height} high`)
    assert.deepEqual(view.faults, [])
    await view.close()
  },

  async 'a key that may only read sees no raw body and no buttons'({ browser, known }) {
    const secret = receiver.newKey('page-reader', 'read')
    const view = await open(browser, receiver, { key: secret })
    await view.signIn()
    assert.doesNotMatch(await view.page.textContent('nav'), /Deliveries/)
    assert.equal(await view.page.locator('main a[href^="#/deliveries"]').count(), 0)
    for (const hash of [`/uploads/${known.fileId}`, '/uploads/800001']) {
      await view.go(hash)
      assert.equal(await view.page.locator('main form, main .raw, main .story button, main a[href^="#/deliveries"]').count(), 0)
    }
    for (const hash of ['/deliveries', `/deliveries/${known.quarantined}`]) {
      await view.go(hash)
      assert.match(await view.page.textContent('main'), /scope admin/)
    }
    assert.deepEqual(view.faults, [])
    // Revoked in the middle: the next question leads to the sign-in.
    receiver.revoke('page-reader')
    await view.page.goto(`${url}/#/uploads?user_id=bob`)
    await view.page.waitForSelector('#key')
    await view.close()
  },

  async 'nobody’s upload is assigned, and taken back'({ browser }) {
    const view = await open(browser, receiver)
    await view.signIn()
    await view.go('/uploads/800001')
    await view.page.fill('#assign-user', 'dora')
    await view.page.fill('#assign-reason', 'she called')
    await view.page.click('.assign .primary')
    await view.page.waitForSelector('.large >> text=dora')
    assert.match(await view.page.textContent('.story'), /she called/)
    await view.page.click('.assigning summary')
    await view.page.fill('#assign-reason', 'a mistake')
    await view.page.click('.assign button:not(.primary)')
    await view.page.waitForSelector('.large >> text=nobody')
    assert.deepEqual(view.faults, [])
    await view.close()
  },

  async 'a raw body is one click away, and what is in quarantine is run again'({ browser, known }) {
    const view = await open(browser, receiver)
    await view.signIn()
    await view.go(`/uploads/${known.fileId}`)
    await view.page.click('.story button')
    await view.page.waitForSelector('.raw pre >> text=7031868222808505913')
    await view.go(`/deliveries/${known.quarantined}`)
    assert.match(await view.page.textContent('.signs'), /no event of VOD/)
    await view.page.click('.actions button')
    await view.page.waitForSelector('.next >> text=no event can be read')
    assert.deepEqual(view.faults, [])
    await view.close()
  },

  async 'a pasted signature is explained, and stays out of the address'({ browser, known }) {
    const view = await open(browser, receiver)
    await view.signIn()
    await view.page.fill('#find', known.signature)
    await view.page.press('#find', 'Enter')
    await view.page.waitForSelector('.whose >> text=alice')
    assert.equal(new URL(view.page.url()).hash, '#/inspect')
    assert.match(await view.page.textContent('main'), /VOD would take it/)
    assert.match(await view.page.textContent('.fields'), /sourceContext/)
    const event = { EventType: 'NewFileUpload', FileUploadEvent: { FileId: 14508071098244959037n, MediaBasicInfo: { SourceInfo: { SourceContext: known.ticket } } } }
    const body = JSON.stringify(event, (_, value) => (typeof value === 'bigint' ? value.toString() : value)).replace('"14508071098244959037"', '14508071098244959037')
    await view.page.fill('#pasted', body)
    await view.page.press('#pasted', 'Control+Enter')
    await view.page.waitForSelector('.file >> text=14508071098244959037')
    assert.match(await view.page.textContent('.fields'), /14508071098244959037/)
    await view.page.fill('#pasted', receiver.key)
    await view.page.press('#pasted', 'Control+Enter')
    await view.page.waitForSelector('.trouble >> text=key or token')
    assert.deepEqual(view.faults.filter((fault) => !fault.includes('400')), [])
    await view.close()
  },

  async 'what happens is seen as it happens'({ browser }) {
    const view = await open(browser, receiver)
    await view.signIn()
    await view.page.waitForSelector('.is-live')
    const { ticket } = await receiver.signature({ user_id: 'erna' })
    await receiver.upload('900001', ticket, 'just now')
    await view.page.waitForSelector('tr[data-file="900001"] >> text=just now')
    await view.go('/uploads')
    await view.page.waitForFunction(() => document.querySelector('.list tbody tr'))
    await receiver.upload('900002', ticket, 'and another')
    await view.page.click('.fresh')
    await view.page.waitForSelector('.list >> text=and another')
    assert.deepEqual(view.faults, [])
    await view.close()
  },

  async 'lists go on, and their filters are in the address'({ browser }) {
    const view = await open(browser, receiver)
    await view.signIn()
    await view.go('/uploads')
    const rows = () => view.page.locator('.list tbody tr').count()
    assert.equal(await rows(), 50)
    await view.page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    await view.page.waitForFunction(() => document.querySelectorAll('.list tbody tr').length > 60)
    await view.page.selectOption('#f-attribution', 'none')
    await view.page.waitForFunction(() => location.hash === '#/uploads?attribution=none')
    await view.settled()
    const found = await rows()
    assert.ok(found >= 5 && found < 50)
    await view.page.reload()
    await view.settled()
    assert.equal(await rows(), found)
    await view.page.goBack()
    await view.settled()
    assert.equal(await rows(), 50)
    await view.close()
  },

  async 'language and theme are kept, and the keyboard is enough'({ browser }) {
    const view = await open(browser, receiver, { theme: 'dark' })
    await view.signIn()
    await view.page.selectOption('.tools select', 'zh-CN')
    await view.page.waitForSelector('h1 >> text=概览')
    await view.page.click('.tools button')
    const ground = () => view.page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    const light = await ground()
    await view.page.reload()
    await view.settled()
    assert.equal(await view.page.textContent('h1'), '概览')
    assert.equal(await ground(), light)
    await view.page.keyboard.press('Tab')
    assert.equal(await view.page.evaluate(() => document.activeElement.className), 'skip')
    await view.page.keyboard.press('Enter')
    assert.equal(await view.page.evaluate(() => document.activeElement.id), 'main')
    await view.page.keyboard.press('/')
    await view.page.keyboard.type('bob')
    await view.page.keyboard.press('Enter')
    await view.page.waitForSelector('h1 >> text=bob')
    assert.equal(await view.page.evaluate(() => document.activeElement.tagName), 'H1', 'the new view is told')
    await view.close()
  },

  async 'when Postgres is away the page says so, and goes on when it is back'({ browser }) {
    const view = await open(browser, receiver)
    await view.signIn()
    const away = { status: 503, contentType: 'application/problem+json', headers: { 'Retry-After': '5' }, body: '{"code":"unavailable","detail":"later"}' }
    await view.page.route(/\/v1\/uploads\?|\/readyz/, (route) => route.fulfill(away))
    await view.page.goto(`${url}/#/uploads`)
    await view.page.waitForSelector('.warning >> text=Postgres is away')
    await view.page.unroute(/\/v1\/uploads\?|\/readyz/)
    await view.page.waitForSelector('.list tbody tr', { timeout: DEADLINE_MS })
    assert.ok(await view.page.isHidden('.warning'))
    await view.close()
  },

  async 'a wrong key is told, and signing out ends it'({ browser }) {
    const view = await open(browser, receiver)
    await view.page.goto(`${url}/#/uploads?attribution=none`)
    await view.page.fill('#key', 'vk_no_such_key')
    await view.page.click('button.primary')
    await view.page.waitForSelector('.wrong >> text=No such key')
    await view.page.fill('#key', key)
    await view.page.click('button.primary')
    // Where one wanted to go before.
    await view.page.waitForFunction(() => location.hash === '#/uploads?attribution=none')
    await view.settled()
    const [cookie] = await view.context.cookies()
    assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict')
    await view.page.click('.who button')
    await view.page.waitForSelector('#key')
    assert.deepEqual(await view.context.cookies(), [])
    await view.close()
  },
}

const browser = await startBrowser()
const fresh = await open(browser, receiver)
await fresh.signIn()
await fresh.page.waitForSelector('.empty >> text=Nothing has happened yet.')
assert.deepEqual(await fresh.unfair(), [])
await fresh.page.screenshot({ path: `${shots}/empty.png`, fullPage: true })
await fresh.close()
console.log('ok      an empty receiver says what to do first')

const known = await live(receiver)
let failed = 0
const only = process.env.ONLY
for (const [name, scenario] of Object.entries(scenarios)) {
  if (only && !name.includes(only)) continue
  const began = Date.now()
  try {
    await scenario({ browser, known })
    console.log(`ok      ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
  } catch (fault) {
    failed += 1
    console.log(`FAILED  ${name}\n${fault.stack}`)
  }
}
await browser.close()
process.exit(failed ? 1 : 0)
