// What each field of a signature and of an event means; the words are where all words are.
import { has, t } from './i18n.js'

// Fields that mean the same under several names: format 2.0 writes them in lower camel case.
const SAME = { fileId: 'FileId', fileName: 'FileName', fileUrl: 'FileUrl', coverUrl: 'CoverUrl', sourceType: 'SourceType', sourceContext: 'SourceContext', procedureTaskId: 'ProcedureTaskId', eventType: 'EventType', t: 'T', sign: 'Sign', Name: 'FileName', MediaUrl: 'FileUrl', size: 'Size', duration: 'Duration', width: 'Width', height: 'Height', bitrate: 'Bitrate', message: 'Message', status: 'Status', taskId: 'TaskId', ErrCodeExt: 'ErrCode', errCode: 'ErrCode', msgHandle: 'EventHandle', totalSize: 'Size', floatDuration: 'Duration' }

export function explained(key) {
  const [group, name] = key.split(/\.(.*)/s)
  const own = `field.${group}.${SAME[name] ?? name}`
  return has(own) ? t(own) : null
}
