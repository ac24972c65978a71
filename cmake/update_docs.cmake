# Writes the documents that are made from the key tables: docs/routes.reference.yaml, and docs/configuration.md between its markers.
# Run by the target update_docs with GATEHOUSE (the binary) and DOCS (the folder).
execute_process(COMMAND ${GATEHOUSE} schema --format yaml OUTPUT_FILE ${DOCS}/routes.reference.yaml COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${GATEHOUSE} schema --format markdown OUTPUT_FILE ${DOCS}/keys.made COMMAND_ERROR_IS_FATAL ANY)

set(begin "<!-- keys: begin -->\n")
set(end "<!-- keys: end -->\n")
file(READ ${DOCS}/configuration.md page)
file(READ ${DOCS}/keys.made tables)
file(REMOVE ${DOCS}/keys.made)
string(FIND "${page}" "${begin}" begin_at)
string(FIND "${page}" "${end}" end_at)
string(LENGTH "${begin}" begin_length)
math(EXPR head_length "${begin_at} + ${begin_length}")
string(SUBSTRING "${page}" 0 ${head_length} head)
string(SUBSTRING "${page}" ${end_at} -1 tail)
file(WRITE ${DOCS}/configuration.md "${head}${tables}${tail}")
