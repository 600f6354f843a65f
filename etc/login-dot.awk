# SPDX-License-Identifier: GPL-2.0-or-later
#
# The graph of c2s/login.def, for dot(1): `make login.dot | dot -Tsvg`. Grey states read nothing while an answer is due.
BEGIN {
	print "digraph login {"
	print "\tnode [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"sans-serif\"];"
}
/^STATE\(/ {
	split($0, column, /[(,)] */)
	printf "\t%s%s;\n", column[2], column[3] == "READS" ? "" : " [fillcolor=lightgrey]"
}
/^EDGE\(/ {
	from = $0
	gsub(/^EDGE\(|,.*/, "", from)
}
/^(EDGE\(|\tTO\()/ {
	while (match($0, /TO\([a-z_0-9]+\)/)) {
		to = substr($0, RSTART + 3, RLENGTH - 4)
		printf "\t%s -> %s%s;\n", from, to, to == "closing" ? " [style=dashed, color=grey]" : ""
		$0 = substr($0, RSTART + RLENGTH)
	}
}
END { print "}" }
