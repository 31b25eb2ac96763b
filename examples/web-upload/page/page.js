// Signs in, uploads with the official SDK, and asks whose the file is.
import { leadToSimulator } from '/to-simulator.js'

// For trying things out: ?resume goes on after a reload, ?cached keeps one signature (and fails), ?patient waits a minute
// for an answer, and not 5 s.
const options = new URLSearchParams(location.search)
const { form, progress, status, upload } = Object.fromEntries(
  ['form', 'progress', 'status', 'upload'].map((id) => [id, document.getElementById(id)]),
)

async function ask(path, body, session) {
  const answer = await fetch(path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Session': session ?? '' },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`)
  return answer.json()
}

let isLed = false
async function signIn(user) {
  const { session, simulator } = await ask('/sign-in', { user })
  if (simulator && !isLed) {
    leadToSimulator(simulator)
    isLed = true
  }
  return session
}

async function uploadVideo(session, mediaFile, coverFile) {
  let ticket = null // of this file: one upload, one ticket
  let cached = null
  async function getSignature() {
    if (cached && options.has('cached')) return cached
    const issued = await ask('/upload-signature', { ticket }, session)
    ticket = issued.ticket // the same file: the same ticket from now on
    cached = issued.signature
    return issued.signature // asked for each time, never kept
  }
  const sdk = new TcVod.default({ getSignature, allowReport: false, enableResume: options.has('resume') })
  const patience = options.has('patient') && { applyRequestTimeout: 60_000, commitRequestTimeout: 60_000 }
  const uploader = sdk.upload({ mediaFile, coverFile, ...patience })
  uploader.on('media_progress', ({ percent }) => { progress.value = percent })
  return uploader.done()
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const { user, video, cover } = form.elements
  upload.hidden = true
  status.dataset.state = 'running'
  status.textContent = 'Uploading …'
  try {
    const session = await signIn(user.value)
    const done = await uploadVideo(session, video.files[0], cover.files[0])
    status.textContent = `Uploaded as file ${done.fileId}. Asking the receiver whose it is …`
    const told = await ask('/my-upload', { file_id: done.fileId }, session)
    upload.textContent = JSON.stringify(told, null, 2)
    upload.hidden = false
    status.textContent = `File ${told.file_id} was uploaded by ${told.user_id}.`
    status.dataset.state = 'done'
  } catch (fault) {
    status.textContent = `It failed: ${fault.message ?? JSON.stringify(fault)}`
    status.dataset.state = 'failed'
  }
})
