"""THE MAP. A data-sharing and consent broker for neighbourhood health and care.

The broker holds no clinical record. It decides, fetches, withholds and remembers. Its heart is one function,
``access.release.release_record``, which reads like the sentence in a sharing agreement: *this person, from this
organisation, for this purpose, may see these sections of this resident's record, from these sources, until then.*
Its own database has no record in it; a hosted source is a charity's own encrypted store beside it, theirs to export and
delete, and asked as any other source is.

The rooms, from the street inwards::

    cli           the operator's door: demo, serve, db, agreements, policies, audit, keys, sources, clients,
                  providers, accounts, partners, members, proxies, organisations, residents, consents,
                  records, hosted
    app           puts every part together; the only place that knows them all, and the only one that knows adapters
    migrations    the database's shape, numbered

    web           the door for people: resident, partner and governance pages
    api           the door for machines: OpenAPI, FHIR R4 (whole views, and resource by resource), AuthZEN, the bundle
    oauth         the door for tokens (FAPI 2.0): who a partner's system is, and what somebody let it do
    doors         what every door needs: the running broker's parts, the request's session, strict JSON

    governance    what a change to an agreement would do, and does: impact, replay, publishing, engines' reports
    access        may it be released? request (the question), facts (what policy must know), pdp (the decision),
                  engines (who evaluates it), release (what enforces it), explain (the reasons in plain words)
    joining       partners coming aboard, what is still missing, and leaving
    proxies       who may act for a resident, how far and until when
    records       what sources say: source (the protocol), collect (ask, to a deadline), labels, sameness, view
    consent       the resident's choices: what they permit, withhold, and were asked
    agreements    what organisations have agreed: documents, states, signatures, and the data policy reads
    notices       what people are told, and emergency access that waits for its review
    grants        what somebody let a partner's system do, and the secrets that are spent to use it
    accounts      signing in with the broker itself: passkeys, one-time codes, invitations
    federation    providers that people sign in with, and what each says of somebody
    identity      who is who: organisations, people, teams, residents, relationships, clients, sessions
    audit         the trail: what was decided, released and changed, in a tree anyone can verify

    database      one way to open it, and column types that check themselves
    settings      what an operator can set
    logs          what is written for an operator, with everything personal taken out
    errors        refusals, which are answers, and faults, which are ours
    vocabulary    every code, with its plain label

Beside ``broker``: ``adapters`` (one for each kind of source system), ``policies`` (the rules, in Rego), ``sandbox``
(a synthetic neighbourhood; never served from an image), ``vectors`` (questions about FHIR consents with their answers,
for any engine), ``tests`` (which mirror these rooms).

A room imports only from rooms below it. Nothing under access, records, consent, agreements, notices, identity or
audit has heard of HTTP. ``lint-imports`` checks both.

The rules of the house:

- Deny is the default, and deny outranks permit inside a layer. The layers are ordered, and published in
  ``policies/README.md``: the law; who asks, and for what; the relationship; the sharing agreement; the resident's
  choices; sensitivity. Emergency access lifts named layers only, never the law, and is always told and reviewed.
- A grant never exceeds its agreement. A place may narrow what is agreed more widely, and never widen it.
- A token carries identity, not permission. Every use is decided live, so a withdrawal bites on the next request.
- Three consents are three fields: the UK GDPR basis, the common-law basis, and the resident's own choice.
- The decision is on the trail before a source is asked, and the release before anything leaves.
  Where the trail cannot be written, nothing leaves.
- Withheld, empty, unavailable and not asked are four different answers, and a view never confuses them.
- No NHS number in a URL, a log, a metric or an error.
- One act, one transaction, one entry on the trail.
- Anything unclear is a refusal.
"""
