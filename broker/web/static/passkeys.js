// Makes and proves passkeys with the browser, and sends what it says by an ordinary form. Keeps nothing, calls nobody.
const bytes = (text) =>
  Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const named = (keys) => (keys ?? []).map((key) => ({ ...key, id: bytes(key.id) }));

async function make(options, form) {
  const name = form.elements.sign_in_name?.value.trim();
  const user = { ...options.user, id: bytes(options.user.id), ...(name ? { name } : {}) };
  const publicKey = {
    ...options,
    user,
    challenge: bytes(options.challenge),
    excludeCredentials: named(options.excludeCredentials),
  };
  const made = await navigator.credentials.create({ publicKey });
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
      transports: made.response.getTransports?.() ?? [],
    },
  };
}

async function prove(options) {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: named(options.allowCredentials),
  };
  const proved = await navigator.credentials.get({ publicKey });
  return {
    id: proved.id,
    rawId: text(proved.rawId),
    type: proved.type,
    response: {
      clientDataJSON: text(proved.response.clientDataJSON),
      authenticatorData: text(proved.response.authenticatorData),
      signature: text(proved.response.signature),
      userHandle: proved.response.userHandle ? text(proved.response.userHandle) : null,
    },
  };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  form.hidden = !window.PublicKeyCredential;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = form.querySelector("[data-passkey-problem]");
    problem.hidden = true;
    try {
      const work = form.dataset.passkey === "make" ? make : prove;
      form.elements.credential.value = JSON.stringify(await work(JSON.parse(form.dataset.options), form));
      form.submit();
    } catch {
      problem.hidden = false;
    }
  });
}
