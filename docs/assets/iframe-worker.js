// Search on pages that are opened from disk: browsers start no worker there, so a hidden frame runs the worker's script.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      const page = this
      const script = new URL(url, location)
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      const append = () => document.body.append(this.frame)
      this.frame.onload = () => {
        const inner = this.frame.contentWindow
        inner.postMessage = data => page.dispatchEvent(new MessageEvent("message", { data }))
        inner.importScripts = (...urls) =>
          urls.reduce((done, next) => done.then(() => new Promise((loaded, failed) => {
            const element = inner.document.createElement("script")
            element.src = new URL(next, script)
            element.onload = loaded
            element.onerror = failed
            inner.document.head.append(element)
          })), Promise.resolve())
        inner.importScripts(script).then(() => {
          this.ready = true
          this.waiting.splice(0).forEach(data => this.postMessage(data))
        })
      }
      this.frame.srcdoc = "<!doctype html><title>worker</title>"
      if (document.body) append()
      else addEventListener("DOMContentLoaded", append)
    }

    postMessage(data) {
      if (this.ready) this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }))
      else this.waiting.push(data)
    }

    terminate() {
      this.frame.remove()
    }
  }
}
