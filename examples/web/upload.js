// The page's part, with Tencent's web SDK (npm: vod-js-sdk-v6); your session goes along as a cookie does.
import TcVod from 'vod-js-sdk-v6'

async function ask(path, options) {
  const answer = await fetch(path, options)
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`)
  return answer.json()
}

// Uploads a file, and gives what your backend knows of it: [{ file_id, name, media_url }].
export async function uploadVideo(file, onProgress = () => {}) {
  let ticket = null // of this file: one call of uploadVideo, one ticket
  async function getSignature() {
    const issued = await ask('/upload-signature', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ ticket }),
    })
    ticket = issued.ticket // the same file: the same ticket from now on
    return issued.signature // asked for each time, never kept
  }
  // A resume after a reload would go on under an older ticket, on a shared browser perhaps under another user's.
  const uploader = new TcVod({ getSignature, enableResume: false }).upload({ mediaFile: file })
  uploader.on('media_progress', ({ percent }) => onProgress(percent))
  await uploader.done()
  return told(ticket)
}

// Waits until VOD has told your backend; the page's own word for it proves nothing.
async function told(ticket) {
  for (let tries = 0; tries < 10; tries += 1) {
    const { uploads } = await ask(`/my-upload?ticket=${ticket}`)
    if (uploads.length) return uploads
  }
  throw new Error('VOD has not told of the upload yet')
}
