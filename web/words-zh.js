export default {
  overview: '概览', uploads: '上传', permissions: '授权', deliveries: '投递', delivery: '投递', inspect: '解析器', quarantine: '隔离区',
  nav: '主导航', skip: '跳到正文', language: '语言', theme: '浅色或深色', sign_in: '登录', sign_out: '退出登录',
  copy: '复制', copied: '已复制', again: '重试', loading: '加载中……', any: '不限', yes: '是', no: '否', all: '查看全部', nobody: '无主', unnamed: '（无名称）', blanked: '已清除',
  user: '用户', file_id: '文件 ID', ticket: '票据', task: '任务', app: '应用', 'app.all': '所有应用', size: '大小', format: '格式', door: '入口', event_type: '事件', reason: '原因',
  attribution: '归属依据', processing: '处理', confirmed: '证实', deleted: '已删除', refuted: '被否认', context: '票据的附加信息', source_context: '来源上下文', session_context: '会话上下文',
  recorded_at: '记录时间', uploaded_at: '上传时间', received_at: '收到时间', issued_at: '签发时间', expires_at: '过期时间', decided_at: '判定时间', one_time: '单次有效', procedure: '任务流', issued_to: '申请者', outcome: '结果',
  'recorded.from': '记录时间起', 'recorded.to': '记录时间止', 'uploaded.from': '上传时间起', 'uploaded.to': '上传时间止', 'received.from': '收到时间起', 'received.to': '收到时间止', 'issued.from': '签发时间起', 'issued.to': '签发时间止',
  order: '排序', 'order.desc': '最新在前', 'order.asc': '最早在前', filters: '筛选', 'filters.clear': '清除筛选',
  news: '发生了什么', raw: '原始正文', replay: '重新执行', duplicates: '重复的通知', nothing_in_range: '这段时间内没有数据。',

  'find.label': '按用户 ID、文件 ID、票据、任务 ID 或签名查找', 'find.hint': '用户、文件 ID、票据、任务、签名……', 'find.title': '查找', 'find.nothing_asked': '要找什么？',
  'find.nothing': '没有找到', 'find.nothing.why': '这里没有任何用户、文件、票据、任务或投递恰好叫这个名字。ID 按字符逐一比较。', 'find.several': '有多个对象叫这个名字',
  'find.file': '文件', 'find.user': '用户', 'find.task': '该任务对应的上传',
  'find.hint.user': '用户 ID（与你的后端写法一致）：该用户的全部上传。', 'find.hint.file': '文件 ID（VOD 的写法）：是谁的，为什么。', 'find.hint.ticket': '票据 vt_……：一次授权的结果。', 'find.hint.task': 'VOD 的任务 ID：它处理的上传。', 'find.hint.signature': '完整的签名或事件：由解析器说明。',

  'sign_in.title': '登录 vod-receiver', 'sign_in.why': '使用 API 密钥。read 权限可以查看谁上传了什么；admin 权限还可以查看原始正文并更正归属。', 'sign_in.key': 'API 密钥', 'sign_in.wrong': '没有这样的有效密钥。密钥以 vk_ 开头，区分大小写。',
  'sign_in.how': '密钥在哪里？', 'sign_in.make': '由运行接收器的人创建，只显示一次：', 'sign_in.try': '试用模式下已经有一个管理员密钥：',

  'trouble.unreachable': '无法连接接收器。本页每隔几秒重试。', 'trouble.away': 'Postgres 不可用。通知仍会被接收并保存在接收器的磁盘上；此处显示的内容可能不是最新的。本页每隔几秒重试。', 'trouble.forbidden': '你的密钥没有这个权限。', 'trouble.unknown': '这里没有这个对象。', 'trouble.other': '操作没有成功。',

  'list.more': '显示更多', 'list.so_far': '已显示 {count} 条，还有更多。', 'list.none_yet': '已显示 {count} 条。符合条件的很少，更早的记录尚未查找。', 'list.all': '共 {count} 条，已全部显示。',
  'uploads.name': '名称', 'uploads.fresh': '{count} 条新上传 · 显示', 'uploads.none_such': '没有符合条件的上传。', 'uploads.fewer': '减少筛选条件，或查看更长的时间。', 'uploads.of_nobody': '无主的上传',
  'signatures.what': '签发过的每一个签名。一个票据可以有多个签名：Web SDK 每次上传会请求两三个。', 'signatures.none_such': '没有符合条件的授权。',
  'deliveries.what': '收到的每一个正文，逐字节保存，包括重复的。', 'deliveries.none_such': '没有符合条件的投递。', 'deliveries.admin': '收到的内容可能包含任何东西，因此需要 admin 权限的密钥。', 'deliveries.all': '全部投递',
  'quarantine.what': '已保存但未处理的正文。查看原因，排除问题，然后重新执行。', 'quarantine.empty': '隔离区是空的。', 'quarantine.empty.why': '收到的都是事件，且来源可信。',

  'user.no_uploads': '该用户没有上传。', 'user.no_uploads.why': '如果少了一个：是否签发过授权（见下）？文件是否在无主的上传里？VOD 的通知可能还在路上。', 'user.permissions': '签发过的授权', 'user.no_signatures': '没有为该用户签发过授权。', 'user.no_signatures.why': '你的后端用 POST /v1/signatures 申请授权。那里的用户 ID 写法是否相同？',
  'ticket.what': '一次上传意图', 'ticket.created_at': '创建时间', 'ticket.no_upload': '还没有产生上传。', 'ticket.issues': '签名（{count}）',

  'whose.title': '是谁的？', 'file.title': '文件', 'file.whole_name': '{count} 个字符', 'file.type': '类型', 'file.duration': '时长', 'file.picture': '画面', 'file.bitrate': '码率', 'file.address': '地址', 'file.cover': '封面', 'file.region': '地域', 'file.class': '分类', 'file.source': '来源', 'file.delay': '上传到记录',
  'story.title': '经过', 'story.what': '从授权到现在，按你的时区显示。', 'story.signature': '签发授权：第一个签名', 'story.signature_again': '同一票据的又一个签名', 'story.uploaded': 'VOD 收到文件', 'story.by_vods_clock': '按 VOD 的时钟', 'story.recorded': '已记录并提交', 'story.after': '上传后 {delay}', 'story.again': '重复通知', 'story.verdict': '归属变更：', 'story.deleted': '收到删除通知', 'story.by_delivery': '由通知引起', 'story.by_key': '由人决定，密钥',
  'story.door.push': '推送通知', 'story.door.pull': '从 VOD 队列拉取', 'story.door.reconcile': '对账时 VOD 的回答', 'story.door.replay': '由人重新执行',
  'tasks.title': '处理', 'role.procedure': '任务流', 'role.review': '审核', 'role.other': '任务',
  'refuted.other_context': 'VOD 自己给出的上下文不同：很可能是伪造的', 'refuted.unknown_file': 'VOD 没有这个文件：很可能是伪造的',
  'misuse.ticket_reused': '它的票据带来了 {files} 个文件：一次授权被多次使用。', 'misuse.one_time_ticket_reused': '而且该票据有单次有效的签名。', 'misuse.long_after_expiry': '在票据最后一个签名过期 {late} 之后才上传。', 'misuse.refuted': '只有通知提到这个文件，而 VOD 没有它。很可能是伪造的。',

  'why.ticket': '来源上下文是在这里为该用户签发的票据。', 'why.session_ticket': '会话上下文是在这里为该用户签发的票据。', 'why.resolver': '应用的解析规则从上下文中读出了用户。', 'why.manual': '由人决定：', 'why.no_context': '没有上下文：来自 VOD 控制台、服务端上传或录制。', 'why.foreign_context': '上下文不是票据，也没有解析规则能读出用户。', 'why.unknown_ticket': '上下文是票据，但不是这里签发的。', 'why.wrong_app': '票据是为另一个应用签发的。', 'why.contexts_differ': '同一文件收到了不同的上下文；以最可信的为准。', 'why.refuted': '只有通知提到它，而 VOD 没有这个文件。', 'why.erased': '它所属的用户已被抹除。',
  'next.no_context': '如果是某个后端上传的，让它把票据放进 SourceContext。这一个可以手动指定。', 'next.foreign_context': '如果这段文字里有你的用户，用 resolvers 设置告诉应用如何读取，然后运行 reattribute。', 'next.unknown_ticket': '是否有另一个接收器或另一个数据库在为同一应用签发票据？', 'next.wrong_app': '检查两个应用的回调地址是否弄反了。', 'next.contexts_differ': '查看下面的原始正文。', 'next.refuted': '检查谁知道回调令牌，并更换它。', 'next.erased': '它将永远无主。',
  'assign.title': '指定给某人', 'assign.what': '你的决定优先于所有规则，并与你的密钥名一起留存。', 'assign.user': '用户 ID', 'assign.reason': '理由', 'assign.do': '指定', 'assign.undo': '交还给规则判定',

  'delivery.what': '收到的内容', 'delivery.body': '正文', 'delivery.state': '状态', 'delivery.id': '投递', 'delivery.page': '查看完整投递', 'delivery.blanked': '正文已清除，字节不再保存。', 'delivery.download': '下载原始字节', 'delivery.base64': '这些字节不是文本；以 base64 显示：', 'delivery.as_it_came': '原样显示', 'delivery.inspect': '解析', 'replay.what': '按同样的流程再处理一遍；已知的内容不会改变任何东西。',
  'replayed.recorded': '已重新执行，得到了新的内容：已记录。', 'replayed.duplicate': '已重新执行；其中的内容都是已知的。', 'replayed.quarantined': '已重新执行，仍然读不出事件。',

  'method.ticket': '票据', 'method.resolver': '解析规则', 'method.manual': '人工', 'method.none': '无主',
  'reason.ticket': '票据', 'reason.session_ticket': '会话上下文中的票据', 'reason.resolver': '解析规则', 'reason.manual': '由人决定', 'reason.no_context': '没有上下文', 'reason.foreign_context': '外来的上下文', 'reason.unknown_ticket': '未知票据', 'reason.wrong_app': '其他应用的票据', 'reason.contexts_differ': '上下文不一致', 'reason.refuted': '被 VOD 否认', 'reason.erased': '已抹除',
  'processing.none': '无', 'processing.waiting': '等待中', 'processing.processing': '处理中', 'processing.succeeded': '成功', 'processing.partly_failed': '部分失败', 'processing.failed': '失败',
  'confirmed.vod': 'VOD 已证实', 'confirmed.push': '由通知告知', 'confirmed.refuted': '被否认', 'state.recorded': '已记录', 'state.quarantined': '已隔离', 'state.deleted': '已删除',
  'door.push': '推送', 'door.pull': '拉取', 'door.reconcile': '对账', 'door.replay': '重放',
  'outcome.used': '已使用', 'outcome.pending': '待使用', 'outcome.never_used': '未使用', 'outcome.used.why': '已产生上传。', 'outcome.pending.why': '尚无上传；签名仍有效或过期不足一天，还可能有上传。', 'outcome.never_used.why': '最后一个签名过期已超过一天，不会再有上传。',
  'quarantine.not_json': '不是 JSON', 'quarantine.not_an_object': '不是 JSON 对象', 'quarantine.no_event': '没有事件', 'quarantine.no_file_id': '没有文件 ID', 'quarantine.too_many_members': '成员过多', 'quarantine.too_many_items': '事件过多', 'quarantine.too_many_files': '文件过多', 'quarantine.sign_missing': '缺少 Sign', 'quarantine.sign_malformed': 'Sign 格式错误', 'quarantine.sign_wrong': 'Sign 不正确', 'quarantine.sign_expired': 'Sign 已过期', 'quarantine.sign_too_far_ahead': 'Sign 的时间太靠后',
  'quarantine.not_json.why': '正文不是 JSON。是否有别的程序向此地址发送，或代理改动了正文？', 'quarantine.not_an_object.why': '正文是 JSON，但不是对象。', 'quarantine.no_event.why': '是 JSON 对象，但其中没有 VOD 的事件。', 'quarantine.no_file_id.why': '是关于文件的事件，但没有说明是哪个文件。', 'quarantine.too_many_members.why': '成员数超过 VOD 的任何事件。', 'quarantine.too_many_items.why': '事件数超过 VOD 一次发送的数量。', 'quarantine.too_many_files.why': '文件数超过一次能记录的数量。',
  'quarantine.sign_missing.why': '回调令牌正确，但没有 Sign，而该应用设置了 SignKey。VOD 那边也设置了吗？', 'quarantine.sign_malformed.why': '回调令牌正确，但 Sign 或 T 无法读取。', 'quarantine.sign_wrong.why': '回调令牌正确，但 Sign 不是用该应用的 SignKey 生成的。两边的 SignKey 是否一致？', 'quarantine.sign_expired.why': 'Sign 正确，但时间 T 已过。接收器的时钟准确吗？是不是旧正文被再次发送？', 'quarantine.sign_too_far_ahead.why': 'Sign 正确，但时间 T 太靠后。接收器的时钟准确吗？',

  range: '时间范围', 'range.hour': '小时', 'range.day': '天', 'range.week': '周', 'range.month': '月', 'range.quarter': '3 个月', 'range.year': '年',
  'live.off': '已暂停', 'live.connecting': '连接中……', 'live.live': '实时',
  'tile.uploads': '上传', 'tile.deleted': '其中 {count} 个已删除', 'tile.nobody': '无主', 'tile.delay': '上传到记录（中位数）', 'tile.delay.p95': '95%：{delay}', 'tile.used': '授权使用率', 'tile.tickets': '共 {count} 个票据', 'tile.quarantine': '隔离中', 'tile.quarantine.any': '不限时间', 'tile.newest': 'VOD 最近来信', 'tile.newest.what': '推送或拉取',
  'chart.uploads': '上传（按归属）', 'chart.permissions': '授权（按结果）', 'chart.deliveries': '投递（按入口）', 'chart.since': '统计起点：', 'chart.rolled': '完整统计截至', 'chart.table': '以表格显示', 'chart.time': '起始时间',
  funnel: '{tickets} 个票据，{signatures} 个签名。', 'funnel.rows': '查看', 'reasons.title': '归属原因', 'processing.title': '处理结果', 'delay.title': '从上传到记录', 'delay.what': '从 VOD 的上传时间到这里提交的时间。', 'delay.none': '这段时间内没有上传带有时间。', 'delay.p50': '50% 不超过', 'delay.p95': '95% 不超过', 'delay.p99': '99% 不超过',
  'receiver.title': '本接收器', 'receiver.queue': '队列', 'receiver.spool': '磁盘暂存', 'receiver.waiting': '{count} 条等待，{bytes}', 'receiver.spool.full': '占 {limit} 的 {part}', 'receiver.spool.none': '无', 'latest.title': '最新上传', 'latest.none': '还没有上传。', 'latest.came': '查看期间新增 {count} 个上传。',

  'first.title': '还没有任何数据。', 'first.why': '看到第一个上传的步骤：', 'first.sign': '用带 sign 权限的密钥，为你的一个用户申请签名：', 'first.trigger': '用返回的票据模拟 VOD 的通知；或者用签名真正上传：', 'first.look': '它会出现在这里，并显示是谁的。', 'first.more': '完整步骤见 README；', 'first.docs': 'API 文档在这里。',

  'inspect.label': '签名、票据或事件', 'inspect.hint': '粘贴上传签名、票据（vt_……）或通知的正文', 'inspect.do': '解析', 'inspect.clear': '清空', 'inspect.private': '只有本接收器查看它；不保存、不写日志、不转发。', 'inspect.unknown': '这不是上传签名，不是票据，也不是通知的正文。', 'inspect.secret': '这像是本服务的密钥或令牌，没有解析。如果被别人看到了，请更换它。',
  'inspect.ticket': '票据', 'inspect.signature': '上传签名', 'inspect.event': '事件', 'inspect.event_of': '事件 {at}/{all}', 'inspect.fields': '逐个字段', 'inspect.field': '字段', 'inspect.value': '值', 'inspect.meaning': '含义', 'inspect.unexplained': '原样保存，此处不使用', 'inspect.fine': 'VOD 会接受', 'inspect.refused': 'VOD 会拒绝', 'inspect.noted': 'VOD 会接受，但含义可能与本意不同', 'inspect.signed_by': '由应用 {app} 的密钥签名。', 'inspect.not_ours': '不是本接收器的任何密钥生成的，或之后被改动过：除非密钥属于你的其他应用，否则 VOD 会拒绝。', 'inspect.nobody_known': '不知道是谁', 'inspect.event_signed': '带有 Sign 和 T，此处不校验。', 'inspect.event_unsigned': '没有 Sign。', 'inspect.error': '错误', 'inspect.message': '说明',
  'inspect.whose.ticket': '上下文是在这里为该用户签发的票据。', 'inspect.whose.no_context': '没有上下文。', 'inspect.whose.foreign_context': '上下文不是票据；也许应用的解析规则能读出用户。', 'inspect.whose.unknown_ticket': '票据不是这里签发的。', 'inspect.whose.another_app': '票据属于你的密钥无权查看的应用。', 'inspect.whose.erased': '该用户已被抹除。', 'inspect.whose.not_looked_up': '没有查询。',
  'signed.yes': '真实', 'signed.no': '不是我们签名的', 'refuses.true': '拒绝', 'refuses.false': '提示', 'news.uploaded': '已上传', 'news.deleted': '已删除', 'news.parts_deleted': '部分删除', 'news.absent': '不存在', 'news.mentioned': '提及',
  'event_type.NewFileUpload': '文件上传完成', 'event_type.ProcedureStateChanged': '处理状态变更', 'event_type.FileDeleted': '文件被删除', 'event_type.PullComplete': '从地址拉取完成', 'event_type.ReviewAudioVideoComplete': '审核结束', 'event_type.other': '已保存；其中关于文件和任务的内容会被记录',
  'objection.missing': '是必填项，但缺失或为空。', 'objection.unknown': '不是上传签名的参数。', 'objection.repeated': '出现了多次。', 'objection.not_encoded': '含有必须百分号编码的字符。', 'objection.in_the_future': '在未来：签名方的时钟准确吗？', 'objection.expired': '已过：签名已过期。', 'objection.not_after_issue': '不晚于 currentTimeStamp。', 'objection.valid_too_long': '比 currentTimeStamp 晚 90 天以上。', 'objection.not_seconds': '不是整数秒。', 'objection.milliseconds': '是毫秒；VOD 需要秒。', 'objection.not_in_range': '不是 VOD 接受的值。', 'objection.too_long': '太长。', 'objection.without_procedure': '没有 procedure 时不起作用。',

  'field.signature.secretId': '由腾讯云的哪个密钥签名；不是秘密。', 'field.signature.currentTimeStamp': '签名时间，Unix 秒。', 'field.signature.expireTime': '在此之前可以开始上传，Unix 秒；最多晚 90 天。', 'field.signature.random': '使每个签名不同；32 位。', 'field.signature.classId': '文件的分类；默认 0。', 'field.signature.procedure': '上传后启动的任务流。', 'field.signature.taskPriority': '处理优先级：-10 到 10。', 'field.signature.taskNotifyMode': '何时通知处理状态：Finish、Change 或 None。', 'field.signature.sourceContext': '随上传通知返回：这里是票据，由它得知用户。', 'field.signature.oneTimeValid': '1：VOD 只接受一次。', 'field.signature.vodSubAppId': '所属的 VOD 应用。', 'field.signature.sessionContext': '随任务流结束返回：同样是票据。', 'field.signature.storageRegion': 'VOD 存放文件的地域。',
  'field.event.EventType': '发生了什么，VOD 的叫法。', 'field.event.FileId': 'VOD 的文件 ID。最多 20 位：是文本，绝不能当数字。', 'field.event.FileName': '文件名；由最终用户决定。', 'field.event.FileUrl': '原始文件的地址。', 'field.event.CoverUrl': '封面的地址。', 'field.event.SourceType': '文件来源；Upload 包括客户端、服务端和拉取上传。', 'field.event.SourceContext': '上传签名里的文字：票据，由它得知用户。', 'field.event.SessionContext': '签名的会话上下文：同样是票据。', 'field.event.SessionId': 'VOD 的去重标识。', 'field.event.ProcedureTaskId': '处理该文件的任务；没有则为空。', 'field.event.ReviewAudioVideoTaskId': '审核该文件的任务。', 'field.event.TaskId': '本事件所说的任务。', 'field.event.CreateTime': '文件在 VOD 创建的时间：即我们的上传时间。', 'field.event.UpdateTime': '文件在 VOD 最后变更的时间：两个事实以较新的为准。', 'field.event.ExpireTime': 'VOD 删除文件的时间；9999 表示永不。', 'field.event.ClassId': '分类。', 'field.event.ClassName': '分类名称。', 'field.event.ClassPath': '分类路径。', 'field.event.Type': '封装后缀；在结果中是子任务类型。', 'field.event.StorageRegion': 'VOD 存放文件的地域。', 'field.event.StoragePath': '文件的存储路径。', 'field.event.Category': 'Video、Audio 或 Image。', 'field.event.Size': '大小，字节。', 'field.event.Duration': '时长，秒。', 'field.event.Width': '宽，像素。', 'field.event.Height': '高，像素。', 'field.event.Bitrate': '码率，bps。', 'field.event.Container': '封装格式。', 'field.event.Status': '任务进展。FINISH 不等于成功：看每个子任务。', 'field.event.ErrCode': '0 或空：没有错误。', 'field.event.Message': '出了什么问题，VOD 的原话。', 'field.event.Progress': '完成百分比。', 'field.event.Definition': '所用的模板。', 'field.event.Url': '任务产物的地址。', 'field.event.Sign': 'SignKey 与 T 的 MD5：证明由 VOD 发送。它不覆盖正文。', 'field.event.T': 'Sign 的有效期限，Unix 秒。', 'field.event.EventHandle': '本条在 VOD 队列中的句柄；每次投递都不同。', 'field.event.RequestId': 'VOD 的应答标识。', 'field.event.Description': '在 VOD 填写的文件描述。', 'field.event.version': '格式：4.0 即旧版 2.0。', 'field.event.TasksPriority': '任务优先级。', 'field.event.TasksNotifyMode': '何时通知任务状态。', 'field.event.FileIdSet': '所指的文件。', 'field.event.Operator': '在 VOD 的操作者。', 'field.event.OperationType': '在 VOD 的操作方式。',
}
