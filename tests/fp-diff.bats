# fp-diff.bats - what must be rebuilt: the incremental deploy, and the state.

load helpers
load fp-diff

# Which components a change to the file brings.
brings() {
	openshell
	deployed
	put "$1" changed
	plan 0
	is "$2" "$(changed)"
}

#
# The incremental deploy, row by row
#

@test "fp-diff: the workspace's Cargo manifests rebuild gateway and supervisor" {
	brings Cargo.toml "gateway supervisor helm"
	git checkout -q .
	put Cargo.lock changed
	plan 0
	is "gateway supervisor helm" "$(changed)"
}
@test "fp-diff: a crate's own Cargo.toml is the crate's alone" {
	brings crates/openshell-cli/Cargo.toml ""
}
@test "fp-diff: proto rebuilds gateway and supervisor" {
	brings proto/b.proto "gateway supervisor helm"
}
@test "fp-diff: cross-build.sh rebuilds gateway and supervisor" {
	brings deploy/docker/cross-build.sh "gateway supervisor helm"
}
@test "fp-diff: openshell-core rebuilds gateway and supervisor" {
	brings crates/openshell-core/src/deep/er.rs "gateway supervisor helm"
}
@test "fp-diff: openshell-router rebuilds gateway and supervisor" {
	brings crates/openshell-router/src/lib.rs "gateway supervisor helm"
}
@test "fp-diff: openshell-server rebuilds the gateway, and upgrades the chart" {
	brings crates/openshell-server/src/lib.rs "gateway helm"
	is 'with gateway' "$(plan 0 --reasons; jq -r 'select(.component ==
	    "helm") | .reasons[] | "\(.kind) \(.component)"' ../out)"
}
@test "fp-diff: openshell-providers rebuilds the gateway" {
	brings crates/openshell-providers/src/lib.rs "gateway helm"
}
@test "fp-diff: Dockerfile.gateway rebuilds the gateway" {
	brings deploy/docker/Dockerfile.gateway "gateway helm"
}
@test "fp-diff: openshell-sandbox rebuilds the supervisor alone" {
	brings crates/openshell-sandbox/src/lib.rs supervisor
}
@test "fp-diff: openshell-policy rebuilds the supervisor alone" {
	brings crates/openshell-policy/src/lib.rs supervisor
}
@test "fp-diff: the chart is upgraded alone" {
	brings deploy/helm/openshell/templates/sts.yaml helm
}
@test "fp-diff: what belongs to no component changes nothing" {
	brings README.md ""
}
@test "fp-diff: what was never deployed is deployed" {
	openshell
	plan 0
	is "gateway supervisor helm" "$(changed)"
	is "new null" "$(plan 0 --reasons; jq -r \
	    'select(.component == "helm") | "\(.reasons[0].kind) \(.previous)"' \
	    ../out)"
}
@test "fp-diff: nothing changed is nothing to do, and --changed-only says nothing" {
	openshell
	deployed
	plan 0
	is 3 "$(wc -l < ../out)"
	is "" "$(changed)"
	plan 0 --changed-only
	[ ! -s ../out ]
	plan 0 --exit-code
	put Cargo.lock changed
	plan 1 --exit-code
	plan 0
}

#
# What makes a fingerprint
#

@test "fp-diff: committing what is deployed rebuilds nothing" {
	openshell
	put crates/openshell-server/src/lib.rs changed
	put crates/openshell-server/src/new.rs
	deployed
	commit
	plan 0
	is "" "$(changed)"
}
@test "fp-diff: staging it rebuilds nothing" {
	openshell
	put crates/openshell-server/src/new.rs
	deployed
	git add -A
	plan 0
	is "" "$(changed)"
}
@test "fp-diff: touching files rebuilds nothing" {
	openshell
	deployed
	find . -name .git -prune -o -type f -exec touch -d 2001-01-01 {} +
	plan 0
	is "" "$(changed)"
}
@test "fp-diff: switching branches back and forth rebuilds nothing" {
	openshell
	git checkout -q -b other
	put crates/openshell-server/src/lib.rs other
	commit
	git checkout -q main
	deployed
	git checkout -q other
	plan 0
	is "gateway helm" "$(changed)"
	git checkout -q main
	plan 0
	is "" "$(changed)"
}
@test "fp-diff: rebasing onto identical content rebuilds nothing" {
	openshell
	git checkout -q -b topic
	put crates/openshell-server/src/lib.rs topic
	commit
	git checkout -q main
	put README.md changed
	commit
	git checkout -q topic
	deployed
	git rebase -q main
	plan 0
	is "" "$(changed)"
}
@test "fp-diff: reverting what is deployed rebuilds" {
	openshell
	put crates/openshell-server/src/lib.rs changed
	commit
	deployed
	git revert --no-edit HEAD > /dev/null
	plan 0
	is "gateway helm" "$(changed)"
}
@test "fp-diff: untracked files count, ignored ones do not" {
	openshell
	deployed
	put crates/openshell-server/src/x.o
	put target/debug/openshell-server
	plan 0
	is "" "$(changed)"
	put crates/openshell-server/src/x.rs
	plan 0 --reasons
	is "gateway helm" "$(changed)"
	is "added crates/openshell-server/src/x.rs" "$(jq -r 'select(.component
	    == "gateway") | .reasons[] | "\(.kind) \(.path)"' ../out)"
}
@test "fp-diff: a deleted file, a mode and a symlink are changes, named as such" {
	openshell
	deployed
	rm crates/openshell-server/src/lib.rs
	chmod +x deploy/docker/cross-build.sh
	ln -sf /etc/passwd Cargo.lock
	plan 0 --reasons
	is "modified Cargo.lock;deleted crates/openshell-server/src/lib.rs;mode deploy/docker/cross-build.sh" \
	    "$(jq -r 'select(.component == "gateway") | [.reasons[] |
	    "\(.kind) \(.path)"] | join(";")' ../out)"
}
@test "fp-diff: another clone on another path has the same fingerprints" {
	openshell
	git clone -q . ../clone
	fp-diff < "$components" > ../a
	(cd ../clone && fp-diff -j 1 < "$components" > ../b)
	is "$(jq -r .fingerprint ../a)" "$(jq -r .fingerprint ../b)"
}
@test "fp-diff: it is the same from a subfolder" {
	openshell
	fp-diff < "$components" > ../a
	fp-diff -C crates/openshell-core < "$components" > ../b
	is "$(jq -r .fingerprint ../a)" "$(jq -r .fingerprint ../b)"
}
@test "fp-diff: names, actions and the spelling of patterns are no part of it" {
	openshell
	echo '{"component":"a","paths":["/crates/openshell-core/"],"action":"x"}
	{"component":"b","paths":["/crates/openshell-core/**","!/Cargo.toml"]}' |
		fp-diff -q > ../out
	is 1 "$(jq -r .fingerprint ../out | sort -u | wc -l)"
}
@test "fp-diff: inputs are part of it, the order of their keys is not" {
	openshell
	cat > ../in <<-'JSON'
	{"component":"a","paths":["/proto/"],"inputs":{"k3s":"v1","n":1}}
	{"component":"b","paths":["/proto/"],"inputs":{"n":1,"k\u0033s":"v\u0031"}}
	{"component":"c","paths":["/proto/"],"inputs":{"n":1,"k3s":"v2"}}
	{"component":"d","paths":["/proto/"],"inputs":{"n":"1","k3s":"v1"}}
	{"component":"e","paths":["/proto/"]}
	JSON
	fp-diff < ../in > ../out
	is "a b" "$(jq -r .fingerprint ../out | uniq -d | wc -l |
	    sed 's/^1$/a b/')"
	is 4 "$(jq -r .fingerprint ../out | sort -u | wc -l)"
	fp-diff --state ../state < ../in | fp-diff --state ../state --save > ../x
	sed -i 's/"v1","n":1/"v3","n":1/' ../in
	fp-diff --state ../state --reasons < ../in > ../out
	is a "$(changed)"
	is "input k3s" "$(jq -r 'select(.changed) | .reasons[] |
	    "\(.kind) \(.input)"' ../out)"
}

#
# Choosing
#

@test "fp-diff: named components are chosen, and what they bring, nothing else" {
	openshell
	deployed
	put crates/openshell-sandbox/src/lib.rs changed
	plan 0 gateway --reasons
	is "gateway helm" "$(changed)"
	is "named" "$(jq -r 'select(.component == "gateway").reasons[].kind' \
	    ../out)"
	tool 2 fp-diff --state ../state nonsense < "$components"
	is component_unknown "$(field '.error.code' | sort -u)"
}
@test "fp-diff: --all is everything" {
	openshell
	deployed
	plan 0 --all --reasons
	is "gateway supervisor helm" "$(changed)"
	is all "$(jq -r '.reasons[0].kind' ../out | sort -u)"
}
@test "fp-diff: with is transitive and may go in a circle" {
	openshell
	cat > ../in <<-'JSON'
	{"component":"a","paths":["/proto/"],"with":["b"]}
	{"component":"b","paths":["/crates/"],"with":["c"]}
	{"component":"c","paths":["/deploy/"],"with":["a"]}
	{"component":"d","paths":["/Cargo.toml"]}
	JSON
	fp-diff --state ../state < ../in | fp-diff --state ../state --save > ../x
	put proto/a.proto changed
	fp-diff --state ../state < ../in > ../out
	is "a b c" "$(changed)"
	sed -i 's/"with":\["c"\]/"with":["nobody"]/' ../in
	tool 2 fp-diff --state ../state < ../in
	is with_unknown "$(field 'select(.error) | .error.code')"
}
@test "fp-diff: another cluster voids all, another container not the supervisor" {
	openshell
	deployed --state-key cluster=a --state-key container=1
	plan 0 --state-key cluster=a --state-key container=1
	is "" "$(changed)"
	plan 0 --state-key cluster=a --state-key container=2 --reasons
	is "gateway helm" "$(changed)"
	is "void container" "$(jq -r 'select(.component == "helm").reasons[0] |
	    "\(.kind) \(.key)"' ../out)"
	plan 0 --state-key cluster=b --state-key container=1
	is "gateway supervisor helm" "$(changed)"
	plan 0 --state-key cluster=a
	is "gateway helm" "$(changed)"
}

#
# The state
#

@test "fp-diff: what is saved is the plan, not what the tree has become" {
	openshell
	fp-diff --state ../state < "$components" > ../plan
	put crates/openshell-server/src/lib.rs later
	fp-diff --state ../state --save < ../plan > ../out
	plan 0
	is "gateway helm" "$(changed)"
}
@test "fp-diff: what failed is not saved, and is planned again" {
	openshell
	deployed
	put Cargo.lock changed
	plan 0
	jq -c 'if .component == "gateway" then .error = {tool: "x", kind:
	    "system", code: "x", message: "x"} else . end' ../out > ../plan
	tool 3 fp-diff --state ../state --save < ../plan
	plan 0
	is "gateway helm" "$(changed)"
}
@test "fp-diff: one platform of a component that failed keeps it from the state" {
	openshell
	fp-diff --state ../state < "$components" | jq -c \
	    '(.arch = "amd64"), (.arch = "arm64" | if .component ==
	    "supervisor" then .error = {tool: "x", kind: "check", code: "x",
	    message: "x"} else . end)' > ../plan
	tool 1 fp-diff --state ../state --save < ../plan
	plan 0
	is supervisor "$(changed)"
}
@test "fp-diff: saving a part leaves the rest" {
	openshell
	deployed
	put Cargo.lock changed
	plan 0
	grep supervisor ../out | fp-diff --state ../state --save > ../x
	plan 0
	is "gateway helm" "$(changed)"
}
@test "fp-diff: saving passes records on, as they were" {
	openshell
	plan 0
	fp-diff --state ../state --save < ../out > ../saved
	is "$(jq -c 'del(.trace)' ../out)" "$(jq -c 'del(.trace)' ../saved)"
	is 2 "$(jq -r '.trace | length' ../saved | sort -u)"
}
@test "fp-diff: a damaged or foreign state is a warning and a full rebuild" {
	openshell
	deployed
	cp ../state ../good
	for damage in 's/sha256:./sha256:z/' '1d' '$s/}$//' \
	    's/fp-diff/fp-other/' 's/supervisor/gateway/'; do
		sed "$damage" ../good > ../state
		plan 0
		is "gateway supervisor helm" "$(changed)"
		grep -q "warning: the state '../state' can not be used" ../err
	done
	head -c -1 ../good > ../state
	plan 0
	is "gateway supervisor helm" "$(changed)"
	head -c 4096 /dev/urandom > ../state
	plan 0
	is "gateway supervisor helm" "$(changed)"
	: > ../state
	plan 0
	is "gateway supervisor helm" "$(changed)"
	deployed
	plan 0
	is "" "$(changed)"
}
@test "fp-diff: without its list of files a change is known all the same" {
	openshell
	deployed
	put Cargo.lock changed
	for f in ../state.d/[0-9a-f]*; do
		echo x >> "$f"
	done
	plan 0 --reasons
	is fingerprint "$(jq -r 'select(.component == "gateway").reasons[].kind' \
	    ../out)"
	rm -r ../state.d
	plan 0 --reasons
	is "gateway supervisor helm" "$(changed)"
}
@test "fp-diff: lists that no state names are swept" {
	openshell
	deployed
	for i in 1 2 3; do
		put Cargo.lock $i
		deployed
	done
	is 3 "$(find ../state.d -name '[0-9a-f]*' -type f | wc -l)"
}
@test "fp-diff: what a killed run left behind is swept" {
	openshell
	deployed
	touch "../state.d/$(printf %064d 1).tmp-1-0123abcd"
	deployed
	is "" "$(find .. -name '*.tmp-*')"
}
@test "fp-diff: saves at one time lose nothing of each other" {
	openshell
	plan 0
	for i in {1..8}; do
		for c in gateway supervisor helm; do
			jq -c --arg c "$c" --arg n "$c$i" 'select(.component ==
			    $c) | .component = $n' ../out |
				fp-diff --state ../state --save > "../x$c$i" &
		done
	done
	wait
	is 25 "$(wc -l < ../state)"
	is "" "$(find .. -name '*.tmp-*')"
}
@test "fp-diff: killed between the plan and the save, it is planned again" {
	openshell
	deployed
	cp ../state ../before
	put Cargo.lock changed
	plan 0
	cmp ../state ../before
	plan 0
	is "gateway supervisor helm" "$(changed)"
}
@test "fp-diff: a state inside the work tree is no part of what it is about" {
	openshell
	mkdir .cache
	echo '{"component":"x","paths":["*"]}' > ../in
	fp-diff --state .cache/state < ../in |
		fp-diff --state .cache/state --save > ../x
	fp-diff --state .cache/state < ../in > ../out
	is "" "$(changed)"
	git add -f .cache
	git commit -q -m state
	fp-diff --state .cache/state < ../in > ../out
	is "" "$(changed)"
	# what is only called like it counts
	put .cache/state.toml
	fp-diff --state .cache/state < ../in > ../out
	is x "$(changed)"
}
@test "fp-diff: a state that can not be written is said, and no plan is lost" {
	openshell
	tool 2 fp-diff --save < "$components"
	mkdir ../state
	plan 0
	is "gateway supervisor helm" "$(changed)"
	tool 2 fp-diff --state ../state --save < ../out
	is not_a_file "$(field .error.code | sort -u)"
}

#
# Patterns and records
#

@test "fp-diff: --test shows the pattern that decides" {
	openshell
	echo '{"component":"x","paths":["/src/","!/src/gen/","/src/gen/keep.rs"]}' > ../in
	tool 0 fp-diff --test src/gen/keep.rs < ../in
	is '{"path":"src/gen/keep.rs","in":true,"pattern":"/src/gen/keep.rs"}' \
	    "$(jq -c .test out)"
	tool 0 fp-diff --test src/gen/other.rs < ../in
	is '!/src/gen/' "$(field .test.pattern)"
	is false "$(field .test.in)"
	tool 0 fp-diff --test README.md < ../in
	is null "$(field .test.pattern)"
	tool 0 fp-diff --text --test /src/a < ../in
	grep -qE '^  x +in +/src/$' out
}
@test "fp-diff: a pattern that matches nothing is a warning" {
	openshell
	echo '{"component":"x","paths":["/proto/","/prtoo/","!*.md"]}' > ../in
	tool 0 fp-diff < ../in
	is "fp-diff: warning: component 'x': pattern '/prtoo/' matches nothing" \
	    "$(cat err)"
	tool 0 fp-diff -q < ../in
	[ ! -s err ]
}
@test "fp-diff: something comes back below an excluded folder" {
	openshell
	put src/gen/a.rs
	put src/gen/keep.rs
	is "$(fp /src/gen/keep.rs)" "$(fp /src/ '!/src/gen/' /src/gen/keep.rs)"
}
@test "fp-diff: bad records are refused one by one, good ones go on" {
	openshell
	cat > ../in <<-'JSON'
	{"component":"a","paths":["/proto/"]}
	{"component":"b"}
	{"component":"c","paths":["a[b"]}
	{"component":"d","paths":"x"}
	{"component":"a","paths":["x"]}
	{"paths":["x"]}
	{"component":"e","paths":["x"],"inputs":{"a":[1]}}
	{"component":"f","paths":["x"],"error":{"kind":"check","code":"no"}}
	JSON
	tool 2 fp-diff -q < ../in
	is "null field_missing pattern_invalid field_invalid component_conflict field_missing field_invalid no" \
	    "$(field '.error.code' | xargs)"
	is "sha256" "$(field 'select(.error == null).fingerprint' | cut -d: -f1)"
}
@test "fp-diff: no record is 2, unless --allow-empty" {
	openshell
	tool 2 fp-diff < /dev/null
	tool 0 fp-diff --allow-empty < /dev/null
	tool 0 fp-diff --state s --save --allow-empty < /dev/null
}
@test "fp-diff: options that do not go together are refused" {
	openshell
	for o in "--save" "--head HEAD" "--state s --base HEAD" "--base x --github-event" \
	    "--on-missing-base=all" "--state-key a=b" "--state s --state-key a" \
	    "--on-missing-base=x --base HEAD" "--state s --save --all" \
	    "--state docker://x --save" "--test="; do
		# shellcheck disable=SC2086
		tool 2 fp-diff $o < "$components"
		[ ! -s out ]
	done
}
@test "fp-diff: a full disk is noticed" {
	openshell
	tool 3 sh -c 'fp-diff < "$1" > /dev/full' sh "$components"
}
@test "fp-diff: a person gets a table" {
	openshell
	deployed
	put crates/openshell-server/src/lib.rs changed
	put crates/openshell-server/src/new.rs
	plan 0 --text
	cat > ../want <<-'TEXT'
	component     decision    because of
	  gateway     build       crates/openshell-server/src/lib.rs (modified) and 1 more
	  supervisor  unchanged
	  helm        upgrade     with gateway
	TEXT
	diff ../want ../out
}
@test "fp-diff: reasons are cut at 100, and the rest is counted" {
	openshell
	deployed
	for i in $(seq 1 130); do
		put "proto/$i.proto"
	done
	plan 0 --reasons
	is "100 30" "$(jq -r 'select(.component == "supervisor") |
	    "\(.reasons | length) \(.omitted)"' ../out)"
}
