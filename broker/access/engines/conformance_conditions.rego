# METADATA
# title: A condition of one agreement
# description: What the conformance vectors find through data.conditions.
package conditions["DSA-00001"]

deny contains "outside-hours" if input.now > 50
