# METADATA
# description: |
#   What an OPA server leaves out of its decision log before a line of it goes anywhere. Questions are about residents,
#   so of a question only its id stays, and of an answer only the revision and a hash. OPA alone reads this.
package system.log

# The question says who is asked about, and by whom.
mask contains {"op": "upsert", "path": "/input", "value": {"request": {"id": input.input.request.id}}}

mask contains {"op": "remove", "path": "/input"} if not input.input.request.id

# The answer says what a resident refused. Its hash is enough to find it in the broker's own trail.
mask contains {"op": "upsert", "path": "/result", "value": {
	"revision": input.result.revision,
	"sha256": crypto.sha256(json.marshal(input.result)),
}}

mask contains {"op": "remove", "path": "/result"} if not input.result.revision

# Text of a query cannot be masked, and the broker sends none.
drop if input.query
