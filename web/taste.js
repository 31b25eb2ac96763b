// Before anything is drawn: the language and the theme that were chosen here, else the browser's.
;(() => {
  const kept = (name) => {
    try {
      return localStorage.getItem(name)
    } catch {
      return null
    }
  }
  const root = document.documentElement
  const theme = kept('theme')
  if (theme === 'light' || theme === 'dark') root.dataset.theme = theme
  const wanted = kept('language') ?? (navigator.languages ?? [navigator.language]).find((l) => /^(zh|en)\b/i.test(l))
  root.lang = /^zh/i.test(wanted ?? '') ? 'zh-CN' : 'en'
})()
