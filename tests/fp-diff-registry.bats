#!/usr/bin/env bats
# fp-diff: what is published is the state.

load helpers
load fp-diff
load registry

eval "$(declare -f local_setup | sed 's/^local_setup/files_setup/')"
local_setup() {
	needs docker-registry python3 jq curl
	files_setup
	cd ..
	registry_home
	registry_start store
	registry_front hub
	hub=$registry
	mkdir -p w/src ctx
	echo x > w/src/a
	echo x > ctx/f
	printf 'FROM scratch\nCOPY f /\n' > ctx/Dockerfile
	echo '{"component":"app","paths":["/src/"]}' > components
	git -C w init -q
}

local_teardown() {
	registry_stop_all
}

# shellcheck disable=SC2120
plan() {
	tool 0 fp-diff -C w --state "docker://$hub/me/{component}:latest" \
	    --reasons "$@" < components
}

@test "fp-diff: the published image says what it was made from" {
	plan
	is "true null" "$(field '"\(.changed) \(.previous)"')"
	jq -c '.arch = "amd64"' out > in
	tool 0 img-build --context ctx -t "$hub/me/app" --push < in
	plan
	is "false $(field .fingerprint)" "$(field '"\(.changed) \(.previous)"')"
	echo y > w/src/a
	plan
	is true "$(field .changed)"
}

@test "fp-diff: an index says it, or all of its images do" {
	plan
	for a in amd64 arm64; do
		jq -c --arg a $a '.arch = $a' out
	done > in
	tool 0 img-build --context ctx -t "$hub/me/app:{arch}" --push < in
	tool 0 manifest-assemble -t "$hub/me/app:latest" --push \
	    "docker://$hub/me/app:amd64" "docker://$hub/me/app:arm64"
	plan
	is "false" "$(field .changed)"
	# one of them is older
	jq -c '.fingerprint = "sha256:" + ("0" * 64)' in | head -n 1 > old
	tool 0 img-build --context ctx -t "$hub/me/app:old" --push < old
	tool 0 manifest-assemble -t "$hub/me/app:latest" --push \
	    "docker://$hub/me/app:old" "docker://$hub/me/app:arm64"
	plan
	is "true null" "$(field '"\(.changed) \(.previous)"')"
	# the index has the word
	f=$(field .fingerprint)
	tool 0 manifest-assemble -t "$hub/me/app:latest" --push \
	    --annotation "dev.slipway.fingerprint=$f" \
	    "docker://$hub/me/app:old" "docker://$hub/me/app:arm64"
	plan
	is "false $f" "$(field '"\(.changed) \(.previous)"')"
}

@test "fp-diff: a registry that says no is an error, not a change" {
	registry_start_htpasswd auth
	tool 1 fp-diff -C w --state "docker://$registry/me/app:1" < components
	is unauthorized "$(field .error.code)"
	tool 0 fp-diff -C w --creds ann:secret \
	    --state "docker://$registry/me/app:1" < components
	is true "$(field .changed)"
	tool 2 fp-diff -C w --state "docker://Bad/x" < components
	is reference_invalid "$(field .error.code)"
	! grep -q secret out err || return 1
}
