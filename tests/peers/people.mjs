// Somebody with a browser that follows no redirect by itself: signs in at the demonstration, and says yes or no.

export class Browser {
  constructor(issuer) {
    this.issuer = issuer
    this.cookies = new Map()
  }

  async open(path, form) {
    const headers = { cookie: [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ') }
    const sent = form && { method: 'POST', body: new URLSearchParams(form) }
    const answer = await fetch(new URL(path, this.issuer), { headers, redirect: 'manual', ...sent })
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0].split('=')
      value ? this.cookies.set(name, value) : this.cookies.delete(name)
    }
    return answer
  }

  async become(who) {
    const page = await (await this.open('/demo/sign-in')).text()
    const answer = await this.open('/demo/sign-in', [...hidden(page), ['who', who]])
    if (answer.status !== 303) throw new Error(`sign-in: ${answer.status}`)
    return this
  }

  // Where the browser is sent, once everything the page offers has been agreed to.
  async answer(address, said = 'yes') {
    const page = await this.open(address)
    if (page.status !== 200) throw new Error(`page: ${page.status} ${await page.text()}`)
    const text = await page.text()
    const ticked = [...text.matchAll(/<input[^>]*name="sections"[^>]*value="([^"]*)"/g)].map((found) => ['sections', found[1]])
    const answer = await this.open('/oauth/authorize', [...hidden(text), ...ticked, ['answer', said]])
    if (answer.status !== 303) throw new Error(`answer: ${answer.status} ${await answer.text()}`)
    return new URL(answer.headers.get('location'))
  }
}

function hidden(page) {
  return [...page.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
    tag.match(/name="([^"]*)"/)[1],
    tag.match(/value="([^"]*)"/)[1].replaceAll('&amp;', '&'),
  ])
}

// A resident's yes to whatever waits for it, by a token of the demonstration's own.
export async function agreeToWhatWaits(issuer, resident) {
  const made = await fetch(new URL('/demo/token', issuer), json({ resident }))
  const { access_token } = await made.json()
  const authorization = { authorization: `Bearer ${access_token}` }
  const waiting = await (await fetch(new URL('/api/my/access-requests', issuer), { headers: authorization })).json()
  for (const request of waiting.filter((each) => each.state === 'pending')) {
    const path = `/api/my/access-requests/${request.id}/answer`
    const answer = await fetch(new URL(path, issuer), json({ agree: true }, authorization))
    if (answer.status !== 200) throw new Error(`answer: ${answer.status} ${await answer.text()}`)
  }
}

export function json(body, headers = {}) {
  return { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}
