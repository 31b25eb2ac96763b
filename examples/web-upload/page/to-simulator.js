// Leads the SDK, which cannot be told another address, to a local VOD: only where requests go changes, in the page,
// before they leave it. The SDK stays as it is, and every browser will do.

const VOD_HOSTS = ['vod2.qcloud.com', 'vod2.dnsv1.com', 'vodreport.qcloud.com']

export function leadToSimulator(simulator) {
  const open = XMLHttpRequest.prototype.open
  XMLHttpRequest.prototype.open = function (method, url, ...rest) {
    const address = new URL(url, location.href)
    if (VOD_HOSTS.includes(address.host) || address.host.endsWith('.myqcloud.com')) {
      // Keys begin with their bucket's name, so the path alone says where a file goes.
      url = simulator + address.pathname + address.search
    }
    return open.call(this, method, url, ...rest)
  }
}
