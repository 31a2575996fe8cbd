# fp-diff-ci.bats - two commits instead of the work tree, and GitHub's events.

load helpers
load fp-diff

zeros=0000000000000000000000000000000000000000

# history: main with a topic branch; $base, $main and $topic are commits.
history() {
	openshell
	base=$(git rev-parse HEAD)
	git checkout -q -b topic
	put crates/openshell-server/src/lib.rs topic
	commit
	put README.md topic
	commit
	topic=$(git rev-parse HEAD)
	git checkout -q main
	put deploy/helm/openshell/Chart.yaml main
	commit
	main=$(git rev-parse HEAD)
}

# revs STATUS OPTION...: of OpenShell's rules, output in ../out, ../err.
revs() {
	local want=$1 got=0

	shift
	fp-diff "$@" < "$components" > ../out 2> ../err || got=$?
	cat ../err
	[ "$got" -eq "$want" ]
}

# event NAME JSON
event() {
	export GITHUB_EVENT_NAME=$1 GITHUB_EVENT_PATH=$PWD/../event.json
	printf '%s\n' "$2" | jq . > ../event.json
}

why() {
	jq -r '.reasons[] | select(.message) | .message' ../out | sort -u
}

@test "fp-diff: --base compares with the merge base, as GitHub shows it" {
	history
	revs 0 --base main --head topic --reasons
	is "gateway helm" "$(changed)"
	is "modified crates/openshell-server/src/lib.rs" "$(jq -r 'select(
	    .component == "gateway").reasons[] | "\(.kind) \(.path)"' ../out)"
	revs 0 --base topic
	is helm "$(changed)"
	revs 0 --base main
	is "" "$(changed)"
}
@test "fp-diff: a commit has the fingerprint of its clean checkout" {
	history
	chmod +x README.md
	ln -s README.md link
	put src/a.rs
	commit
	jq -cn '{component: "x", paths: ["*", "!*.toml", "!/proto/"]}' > ../in
	fp-diff < ../in > ../a
	put src/a.rs dirty
	fp-diff --base HEAD~1 < ../in > ../b
	is "$(jq -r .fingerprint ../a)" "$(jq -r .fingerprint ../b)"
	is 64 "$(jq -r .previous ../b | cut -d: -f2 | tr -d '\n' | wc -c)"
}
@test "fp-diff: the work tree is not touched, nor looked at" {
	history
	put crates/openshell-policy/src/lib.rs dirty
	before=$(git status --porcelain; git rev-parse HEAD)
	revs 0 --base main --head topic
	is "gateway helm" "$(changed)"
	is "$before" "$(git status --porcelain; git rev-parse HEAD)"
}
@test "fp-diff: a bare repository can be compared" {
	history
	git clone -q --bare . ../bare
	cd ../bare
	revs 0 --base main --head topic
	is "gateway helm" "$(changed)"
	revs 2
	is no_work_tree "$(jq -r .error.code ../out | sort -u)"
}
@test "fp-diff: commits of a SHA-256 repository" {
	git init -q --object-format=sha256
	put proto/a.proto
	commit
	put proto/b.proto
	put README.md
	commit
	revs 0 --base HEAD~1 --reasons -q
	is "added proto/b.proto" "$(jq -r 'select(.component ==
	    "supervisor").reasons[] | "\(.kind) \(.path)"' ../out)"
}
@test "fp-diff: a base that is not there means everything, and says so" {
	history
	gone=1234567890123456789012345678901234567890
	revs 0 --base $gone --reasons
	is "gateway supervisor helm" "$(changed)"
	is "the base commit $gone is not there" "$(why)"
	grep -q "warning: everything counts as changed: the base commit $gone" \
	    ../err
	revs 1 --base $gone --on-missing-base=error
	is missing_base "$(jq -r .error.code ../out | sort -u)"
	revs 1 --base main --head $gone
	is missing_revision "$(jq -r .error.code ../out | sort -u)"
	revs 0 --base $zeros
	is "gateway supervisor helm" "$(changed)"
}
@test "fp-diff: revisions that are options or nonsense are refused" {
	history
	for r in --upload-pack=x -x 'main..topic' ':/x^{tree}' 'HEAD^{tree}' ''; do
		revs 2 "--base=$r" --on-missing-base=error ||
			revs 1 "--base=$r" --on-missing-base=error
	done
}
@test "fp-diff: a shallow clone is told how deep it has to be" {
	history
	git clone -q --depth 1 --no-single-branch "file://$PWD" ../clone
	cd ../clone
	revs 0 --base origin/topic
	is "gateway supervisor helm" "$(changed)"
	grep -q 'in this shallow clone: fetch-depth: 0' ../err
	event pull_request "{\"pull_request\": {\"commits\": 2,
	    \"base\": {\"sha\": \"$main\"}, \"head\": {\"sha\": \"$topic\"}}}"
	revs 1 --github-event --on-missing-base=error
	grep -q 'fetch-depth: 4 or more' ../err
}
@test "fp-diff: --on-missing-base=fetch fetches, and runs no hook" {
	history
	git clone -q --depth 1 "file://$PWD" ../clone
	cd ../clone
	printf '#!/bin/sh\ntouch %s\n' "$PWD/../ran" > ../evil
	chmod +x ../evil
	cp ../evil .git/hooks/reference-transaction
	cp ../evil .git/hooks/post-checkout
	git config core.sshCommand ../evil
	git config remote.origin.uploadpack "$PWD/../evil"
	git config core.fsmonitor "$PWD/../evil"
	revs 0 --base "$topic" --on-missing-base=fetch --reasons
	[ ! -e ../ran ]
	is helm "$(changed)"
	is false "$(git rev-parse --is-shallow-repository)"
	git remote set-url origin ../nowhere
	gone=1234567890123456789012345678901234567890
	revs 0 --base $gone --on-missing-base=fetch
	grep -q 'warning: cannot fetch' ../err
	is "gateway supervisor helm" "$(changed)"
}

@test "fp-diff: --on-missing-base=fetch gets a branch of origin" {
	history
	git clone -q --depth 1 "file://$PWD" ../clone
	cd ../clone
	revs 0 --base origin/topic --on-missing-base=fetch
	is helm "$(changed)"
	is "$topic" "$(git rev-parse origin/topic)"
	for r in main:main +main:main 'HEAD@{9}' nowhere origin/a:b; do
		git for-each-ref > ../before
		revs 0 "--base=$r" --on-missing-base=fetch ||
			revs 2 "--base=$r" --on-missing-base=fetch
		git for-each-ref | cmp - ../before
	done
}
@test "fp-diff: a bare SHA-256 repository can be compared" {
	git init -q --object-format=sha256
	put src/a
	commit
	put src/b
	commit
	git clone -q --bare . ../bare
	cd ../bare
	tool 0 fp-diff -q --base HEAD~1 --reasons \
	    <<< '{"component":"x","paths":["/src/"]}'
	is src/b "$(field '.reasons[].path')"
	tool 2 fp-diff -q <<< '{"component":"x","paths":["/src/"]}'
	is no_work_tree "$(field .error.code)"
}

#
# GitHub's events
#

@test "fp-diff: a push is compared with what was there before" {
	history
	git merge -q --no-edit topic
	event push "{\"before\": \"$main\", \"after\": \"$(git rev-parse HEAD)\",
	    \"commits\": [{}, {}, {}]}"
	revs 0 --github-event
	is "gateway helm" "$(changed)"
}
@test "fp-diff: a push that takes commits away is a change" {
	history
	event push "{\"before\": \"$main\", \"after\": \"$base\", \"commits\": []}"
	revs 0 --github-event
	is helm "$(changed)"
}
@test "fp-diff: a new branch means everything" {
	history
	event push "{\"before\": \"$zeros\", \"after\": \"$topic\", \"commits\": []}"
	revs 0 --github-event --reasons
	is "gateway supervisor helm" "$(changed)"
	is "the branch is new" "$(why)"
}
@test "fp-diff: a forced push from a commit that is gone means everything" {
	history
	event push "{\"before\": \"1234567890123456789012345678901234567890\",
	    \"after\": \"$topic\", \"commits\": [{}]}"
	revs 0 --github-event
	is "gateway supervisor helm" "$(changed)"
}
@test "fp-diff: a forced push to an unrelated commit means everything" {
	history
	git checkout -q --orphan new
	commit
	event push "{\"before\": \"$main\", \"after\": \"$(git rev-parse HEAD)\",
	    \"commits\": [{}]}"
	revs 0 --github-event --reasons
	is "gateway supervisor helm" "$(changed)"
	is "no common history with $main" "$(why)"
}
@test "fp-diff: a pull request is compared with its merge base" {
	history
	event pull_request "{\"pull_request\": {\"commits\": 2,
	    \"base\": {\"sha\": \"$main\"}, \"head\": {\"sha\": \"$topic\"}}}"
	revs 0 --github-event
	is "gateway helm" "$(changed)"
	event pull_request_target "$(cat ../event.json)"
	revs 0 --github-event
	is "gateway helm" "$(changed)"
}
@test "fp-diff: the merge commit stands for a head that was not fetched" {
	history
	git checkout -q --detach main
	git merge -q --no-edit topic
	gone=1234567890123456789012345678901234567890
	event pull_request "{\"pull_request\": {\"commits\": 2,
	    \"base\": {\"sha\": \"$main\"}, \"head\": {\"sha\": \"$gone\"}}}"
	revs 0 --github-event
	is "gateway helm" "$(changed)"
}
@test "fp-diff: a merge queue's group is compared with its base" {
	history
	git merge -q --no-edit topic
	event merge_group "{\"merge_group\": {\"base_sha\": \"$main\",
	    \"head_sha\": \"$(git rev-parse HEAD)\"}}"
	revs 0 --github-event
	is "gateway helm" "$(changed)"
}
@test "fp-diff: a schedule, a dispatch and the unknown mean everything" {
	history
	for e in schedule workflow_dispatch repository_dispatch release; do
		event $e '{"inputs": {}}'
		revs 0 --github-event --reasons
		is "gateway supervisor helm" "$(changed)"
		is "the event is $e" "$(why)"
	done
}
@test "fp-diff: an event that is none is refused" {
	history
	event push '{"before": "$(touch x)", "after": "--help", "commits": []}'
	revs 2 --github-event
	event push '{}'
	revs 2 --github-event
	echo '{' > ../event.json
	revs 2 --github-event
	unset GITHUB_EVENT_PATH
	revs 2 --github-event
}

#
# $GITHUB_OUTPUT
#

# value NAME: of an output, as the runner reads it.
value() {
	awk -v name="$1" '
		end != "" { if ($0 == end) exit; print; next }
		index($0, name "<<") == 1 { end = substr($0, length(name) + 3) }
	' "$GITHUB_OUTPUT"
}

@test "fp-diff: --github-output has any, changed, one for each, and a matrix" {
	history
	export GITHUB_OUTPUT=$PWD/../output
	revs 0 --base topic --github-output
	is true "$(value any)"
	is '["helm"]' "$(value changed)"
	is false "$(value gateway)"
	is true "$(value helm)"
	is '[{"component":"helm","action":"upgrade"}]' "$(value matrix |
	    jq -c '[.include[] | {component, action}]')"
	: > ../output
	revs 0 --base main --github-output=fp_ --changed-only
	is false "$(value fp_any)"
	is '{"include":[]}' "$(value fp_matrix)"
	is false "$(value fp_supervisor)"
}
@test "fp-diff: no name of a file or a component gets out of its output" {
	history
	export GITHUB_OUTPUT=$PWD/../output
	put $'proto/x\nany<<e\nfalse\ne'
	commit
	revs 0 --base HEAD~1 --github-output --reasons
	is true "$(value any)"
	is 1 "$(grep -c '^any<<' ../output)"
	printf '%s\n' '{"component":"a\nany=x","paths":["*"]}' \
	    '{"component":"matrix","paths":["*"]}' \
	    '{"component":"9","paths":["*"]}' > ../in
	tool 2 fp-diff --github-output < ../in
	is component_name "$(field .error.code | sort -u)"
	# the runner's table of outputs is case-blind
	printf '%s\n' '{"component":"web","paths":["*"]}' \
	    '{"component":"Web","paths":["*"]}' \
	    '{"component":"ANY","paths":["*"]}' > ../in
	tool 2 fp-diff --github-output < ../in
	is "null component_name component_name" \
	    "$(field .error.code | xargs)"
}
