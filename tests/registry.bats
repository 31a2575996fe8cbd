# registry.bats - lib/oci/registry.h against real registries, and bad ones.

load helpers
load registry

client=$SLIPWAY_BIN/tests/tools/regclient
manifest=application/vnd.oci.image.manifest.v1+json
index=application/vnd.oci.image.index.v1+json

local_setup() {
	registry_home
	needs docker-registry openssl python3
}

local_teardown() {
	registry_stop_all
}

digest() {
	echo "sha256:$(sha256sum "$1" | cut -d ' ' -f 1)"
}

size() {
	stat -c %s "$1"
}

# Twelve megabytes and a bit: three pieces, the last a small one.
large() {
	head -c 12000001 /dev/urandom > blob
}

# layer.tgz, config.json and manifest.json of an OCI image.
image() {
	mkdir -p root/etc
	echo hello > root/etc/motd
	tar -C root --owner=0 --group=0 -cf layer.tar etc
	gzip -nc layer.tar > layer.tgz
	jq -cn --arg d "$(digest layer.tar)" '{
		architecture: "amd64", os: "linux", config: {},
		rootfs: {type: "layers", diff_ids: [$d]}}' > config.json
	jq -cn --arg c "$(digest config.json)" --arg l "$(digest layer.tgz)" \
	    --argjson cs "$(size config.json)" \
	    --argjson ls "$(size layer.tgz)" --arg t $manifest '{
		schemaVersion: 2, mediaType: $t,
		config: {mediaType: "application/vnd.oci.image.config.v1+json",
			digest: $c, size: $cs},
		layers: [{
			mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
			digest: $l, size: $ls}]}' > manifest.json
}

# push REPO TAG [OPTION]...: the image that is here.
push() {
	local repo=$1 tag=$2

	shift 2
	tool 0 "$client" "$@" "$registry" put-blob "$repo" layer.tgz
	tool 0 "$client" "$@" "$registry" put-blob "$repo" config.json
	tool 0 "$client" "$@" "$registry" put-manifest "$repo" "$tag" \
	    $manifest manifest.json
	is "$(digest manifest.json)" "$(cat out)"
}

# stored REPO: the blob as the registry gives it to somebody else.
stored() {
	curl -sSfL "http://$registry/v2/$1/blobs/$(digest blob)" | cmp - blob
}

# requests FILE PATTERN: how many lines match.
requests() {
	grep -cE "$2" "$1" || :
}

@test "registry: what was pushed is there, for others too" {
	registry_start r
	image
	push me/app 1.2
	tool 0 "$client" "$registry" get-manifest me/app 1.2
	cmp out manifest.json
	is "$manifest $(digest manifest.json) $(size manifest.json)" "$(cat err)"
	tool 0 "$client" "$registry" head-manifest me/app \
	    "$(digest manifest.json)"
	is "$manifest $(digest manifest.json) $(size manifest.json)" "$(cat out)"
	tool 0 "$client" "$registry" get-blob me/app "$(digest layer.tgz)" \
	    "$(size layer.tgz)"
	cmp out layer.tgz
	peer skopeo
	skopeo copy --src-tls-verify=false "docker://$registry/me/app:1.2" oci:copy
	cmp manifest.json "copy/blobs/sha256/$(sha256sum < manifest.json |
		cut -d ' ' -f 1)"
	is "$(digest manifest.json)" "$(skopeo inspect --tls-verify=false \
	    "docker://$registry/me/app:1.2" | jq -r .Digest)"
}

@test "registry: what skopeo pushed is read, in both forms" {
	peer skopeo
	registry_start r
	image
	push a 1
	for format in oci v2s2; do
		skopeo copy -q --src-tls-verify=false --dest-tls-verify=false \
		    -f $format "docker://$registry/a:1" "docker://$registry/b:$format"
		skopeo inspect --raw --tls-verify=false \
		    "docker://$registry/b:$format" > want
		tool 0 "$client" "$registry" get-manifest b $format
		cmp out want
		is "$(jq -r .mediaType want) $(digest want) $(size want)" "$(cat err)"
	done
}

@test "registry: a blob is sent once, and mounted where it can be" {
	registry_start r
	registry_front p
	large
	tool 0 "$client" "$registry" put-blob a blob
	is sent "$(cat out)"
	tool 0 "$client" "$registry" put-blob a blob
	is there "$(cat out)"
	tool 0 "$client" "$registry" put-blob b blob a
	is mounted "$(cat out)"
	tool 0 "$client" "$registry" put-blob c blob never/was
	is sent "$(cat out)"
	stored c
	# what is there costs one request
	: > p.requests
	tool 0 "$client" "$registry" put-blob b blob
	is 1 "$(requests p.requests '^HEAD /v2/b/blobs/.* 200 ')"
	is 1 "$(wc -l < p.requests)"
	tool 0 "$client" "$registry" head-blob b "$(digest blob)"
	is 12000001 "$(cat out)"
	tool 0 "$client" "$registry" head-blob b "sha256:$(printf %064d 7)"
	is none "$(cat out)"
}

@test "registry: several blobs go up at once" {
	registry_start r
	for i in 1 2 3 4 5 6; do
		head -c 3000000 /dev/urandom > "b$i"
	done
	tool 0 "$client" "$registry" put-many a b1 b2 b3 b4 b5 b6
	is 6 "$(grep -c sent out)"
	for i in 1 2 3 4 5 6; do
		curl -sSf "http://$registry/v2/a/blobs/$(digest "b$i")" | cmp - "b$i"
	done
}

@test "registry: a blob that is not known yet goes up in pieces" {
	registry_start r
	registry_front p --relative --signed
	large
	tool 0 "$client" "$registry" put-stream a < blob
	is sent "$(cat out)"
	stored a
	is 3 "$(requests p.requests '^PATCH .* 202 ')"
	is 1 "$(requests p.requests '^PATCH .* 202 5242880 0-5242879$')"
	is 1 "$(requests p.requests '^PATCH .* 202 1514241 10485760-12000000$')"
	# one of a single piece is asked for first
	head -c 1000 blob > small
	tool 0 "$client" "$registry" put-stream a < small
	is sent "$(cat out)"
	tool 0 "$client" "$registry" put-stream a < small
	is there "$(cat out)"
	tool 0 "$client" "$registry" put-stream a < /dev/null
	tool 0 "$client" "$registry" head-blob a "$(digest /dev/null)"
	is 0 "$(cat out)"
}

@test "registry: pieces are as large as the registry wants them" {
	registry_start r
	registry_front p --chunk-min 6000000
	large
	tool 0 "$client" "$registry" put-stream a < blob
	stored a
	is 2 "$(requests p.requests '^PATCH .* 202 6000000 ')"
	is 1 "$(requests p.requests '^PATCH .* 202 1 12000000-12000000$')"
}

@test "registry: a body that is too large goes up in pieces" {
	registry_start r
	registry_front p --max-body 6000000
	large
	tool 0 "$client" "$registry" put-blob a blob
	is sent "$(cat out)"
	stored a
	is 1 "$(requests p.requests '^PUT .* 413 12000001$')"
	is 3 "$(requests p.requests '^PATCH .* 202 ')"
}

@test "registry: nginx's limits of size and rate are kept" {
	needs nginx
	registry_start r
	registry_nginx n "client_max_body_size 6m;
		limit_req zone=all burst=1 nodelay;
		limit_req_status 429;"
	large
	tool 0 "$client" "$registry" put-blob a blob
	is sent "$(cat out)"
	registry_until 20 stored a
}

@test "registry: an upload that breaks off goes on where it was" {
	registry_start r
	at=$registry
	registry_front p --drop-up 2 --resume
	large
	tool 0 "$client" "$registry" put-blob a blob
	is sent "$(cat out)"
	stored a
	is 1 "$(requests p.requests '^PUT .* broken 12000001$')"
	is 1 "$(requests p.requests \
	    '^PATCH .* broken 6000001 6000000-12000000$')"
	is 1 "$(requests p.requests '^PATCH .* 202 3000001 9000000-12000000$')"
	is 1 "$(requests p.requests '^PUT .* 201 0$')"
	registry=$at
	registry_front q --drop-up 2 --resume
	large
	tool 0 "$client" "$registry" put-stream a < blob
	stored a
	is 1 "$(requests q.requests '^PATCH .* broken 5242880 0-5242879$')"
	is 1 "$(requests q.requests '^PATCH .* broken 2621440 2621440-5242879$')"
	is 1 "$(requests q.requests '^PATCH .* 202 1310720 3932160-5242879$')"
}

@test "registry: an upload that can't go on begins anew" {
	registry_start r
	at=$registry
	registry_front p --drop-up 1
	large
	tool 0 "$client" "$registry" put-blob a blob
	is sent "$(cat out)"
	stored a
	is 1 "$(requests p.requests '^PUT .* broken 12000001$')"
	is 1 "$(requests p.requests '^PUT .* 201 12000001$')"
	registry=$at
	# what of a stream has gone by is still there for that
	registry_front q --drop-skip 1 --drop-up 2
	large
	tool 0 "$client" "$registry" put-stream a < blob
	is sent "$(cat out)"
	stored a
	is 1 "$(requests q.requests '^PATCH .* broken 5242880 5242880-')"
	is 1 "$(requests q.requests '^PUT .* broken 12000001$')"
	is 1 "$(requests q.requests '^PUT .* 201 12000001$')"
	registry=$at
	# and where it must be in pieces
	registry_front t --max-body 6000000 --drop-skip 1 --drop-up 1
	large
	tool 0 "$client" "$registry" put-blob a blob
	is sent "$(cat out)"
	stored a
	is 1 "$(requests t.requests '^PATCH .* broken ')"
	is 4 "$(requests t.requests '^PATCH .* 202 ')"
}

@test "registry: an upload whose answer is lost is not sent again" {
	registry_start r
	registry_front p --drop-answer 1
	large
	tool 0 "$client" "$registry" put-blob a blob
	is sent "$(cat out)"
	stored a
	is 1 "$(requests p.requests '^PUT ')"
}

@test "registry: a download that breaks off goes on where it was" {
	registry_start r
	large
	tool 0 "$client" "$registry" put-blob a blob
	registry_front p --drop-down 2
	tool 0 "$client" "$registry" get-blob a "$(digest blob)" 12000001
	cmp out blob
	is 1 "$(requests p.requests '^GET .* 206 0 bytes=6000000-')"
	is 3 "$(requests p.requests '^GET .*/blobs/')"
}

@test "registry: errors at random and rate limits are waited out" {
	registry_start r
	registry_front p --errors 20 --seed 7
	image
	for i in 1 2 3 4; do
		push "a$i" 1
		tool 0 "$client" "$registry" get-manifest "a$i" 1
		cmp out manifest.json
	done
	[ "$(requests p.requests ' 500 ')" -gt 0 ]
	registry_front q --rate-body 3
	push b 1
	[ "$(requests q.requests ' 429 ')" -gt 0 ]
	registry_front t --rate 4
	push c 1
	[ "$(requests t.requests ' 429 ')" -gt 0 ]
}

@test "registry: blobs are read from another host, without what we are shown" {
	registry_start_htpasswd r
	large
	tool 0 "$client" --creds ann:secret "$registry" put-blob a blob
	registry_stop_all
	registry_start r
	registry_front p --storage
	tool 0 "$client" --creds ann:secret "$registry" get-blob a \
	    "$(digest blob)" 12000001
	cmp out blob
	is 1 "$(requests p.requests '^GET .*/blobs/.* 307 ')"
	is 1 "$(requests p.requests '^GET .*/blobs/.* 200 ')"
}

@test "registry: a blob is what its digest and size say" {
	registry_start r
	large
	tool 0 "$client" "$registry" put-blob a blob
	tool 1 "$client" "$registry" get-blob a "$(digest blob)" 12000000
	grep '^blob_size_mismatch: .*not 12000000' err
	tool 1 "$client" "$registry" get-blob a "$(digest blob)" 12000002
	grep '^blob_size_mismatch: ' err
	tool 1 "$client" "$registry" get-blob a "sha256:$(printf %064d 7)" 5
	grep '^blob_missing: ' err
	tool 0 "$client" "$registry" get-blob a "$(digest blob)" -1
	d=$(sha256sum < blob | cut -d ' ' -f 1)
	printf x | dd of="r.store/docker/registry/v2/blobs/sha256/${d:0:2}/$d/data" \
	    conv=notrunc status=none
	tool 1 "$client" "$registry" get-blob a "$(digest blob)" 12000001
	grep '^blob_digest_mismatch: ' err
}

@test "registry: a manifest is what its digest says, and no larger than 4 MiB" {
	registry_start r
	image
	push a 1
	tool 1 "$client" "$registry" get-manifest a 2
	grep "^not_found: .*'$registry/a:2'" err
	tool 0 "$client" "$registry" head-manifest a 2
	is none "$(cat out)"
	d=$(sha256sum < manifest.json | cut -d ' ' -f 1)
	data=r.store/docker/registry/v2/blobs/sha256/${d:0:2}/$d/data
	sed 's/{/{ /' manifest.json > "$data"
	tool 1 "$client" "$registry" get-manifest a "sha256:$d"
	grep '^manifest_mismatch: ' err
	tool 1 "$client" "$registry" get-manifest a 1
	grep '^manifest_mismatch: ' err
	# all that it names must be there
	tool 1 "$client" "$registry" put-manifest b 1 $manifest manifest.json
	grep 'MANIFEST_BLOB_UNKNOWN\|blob unknown' err
	registry_front p --pad
	tool 1 "$client" "$registry" get-manifest a 1
	grep '^manifest_too_large: ' err
}

@test "registry: a manifest that was pushed just now may need a moment" {
	registry_start r
	image
	push a 1
	registry_front p --late 3
	tool 0 "$client" --fresh "$registry" get-manifest a 1
	cmp out manifest.json
	registry_front q --late 3
	tool 1 "$client" "$registry" get-manifest a 1
	registry_front t --late 2
	tool 0 "$client" --fresh "$registry" head-manifest a 1
	is "$manifest $(digest manifest.json) $(size manifest.json)" "$(cat out)"
}

@test "registry: where HEAD of a manifest can't be, it is read" {
	registry_start r
	image
	push a 1
	registry_front p --no-head
	tool 0 "$client" "$registry" head-manifest a 1
	is "$manifest $(digest manifest.json) $(size manifest.json)" "$(cat out)"
	tool 0 "$client" "$registry" head-manifest a 2
	is none "$(cat out)"
}

@test "registry: Basic goes to who asks for it" {
	needs htpasswd
	registry_start_htpasswd r
	image
	push a 1 --creds ann:secret
	tool 1 "$client" "$registry" get-manifest a 1
	grep '^unauthorized: .*no credentials for' err
	tool 1 "$client" --creds ann:wr0ng "$registry" get-manifest a 1
	grep '^unauthorized: ' err
	is 0 "$(requests err wr0ng)"
	mkdir "$HOME/.docker"
	jq -n --arg h "$registry" --arg a "$(printf ann:secret | base64)" \
	    '{auths: {($h): {auth: $a}}}' > "$HOME/.docker/config.json"
	tool 0 "$client" "$registry" get-manifest a 1
	tool 1 "$client" --anonymous "$registry" get-manifest a 1
	tool 2 "$client" --creds nocolon "$registry" get-manifest a 1
	grep '^creds_invalid: ' err
}

@test "registry: TLS is verified, with the authorities of certs.d" {
	registry_start_tls r
	image
	push a 1
	mv "$HOME/.config/containers/certs.d/$registry" certs
	# on the loopback plain http is tried first, and TLS where it is wanted
	tool 1 "$client" "$registry" get-manifest a 1
	grep '^tls: ' err
	tool 0 "$client" --insecure "$registry" get-manifest a 1
	tool 0 "$client" --cert-dir certs "$registry" get-manifest a 1
	tool 0 "$client" --cert-dir certs "localhost:${registry#*:}" \
	    get-manifest a 1
	tool 1 "$client" --cert-dir none "$registry" get-manifest a 1
	: > certs/me.cert
	tool 2 "$client" --cert-dir certs "$registry" get-manifest a 1
	grep '^certificate_invalid: ' err
}

@test "registry: a client certificate says who we are" {
	registry_certs
	registry_start r "  tls:
    certificate: $PWD/tls.crt
    key: $PWD/tls.key
    clientcas: [$PWD/ca.crt]"
	mkdir certs
	cp ca.crt certs
	tool 3 "$client" --tries 1 --cert-dir certs "$registry" head-manifest a 1
	cp tls.crt certs/me.cert
	cp tls.key certs/me.key
	tool 0 "$client" --cert-dir certs "$registry" head-manifest a 1
	is none "$(cat out)"
}

@test "registry: tokens are asked for once, with the scopes that are needed" {
	registry_start_token r
	image
	push ann/app 1 --creds ann:secret
	is 3 "$(requests token.requests '^GET ann repository:ann/app:pull,push$')"
	: > token.requests
	tool 0 "$client" --creds ann:secret "$registry" put-many ann/many \
	    layer.tgz config.json manifest.json layer.tar
	is 'GET ann repository:ann/many:pull,push' "$(cat token.requests)"
	# a mount asks for the other repository as well
	: > token.requests
	tool 0 "$client" --creds ann:secret "$registry" put-blob ann/b layer.tgz \
	    ann/app
	is mounted "$(cat out)"
	is 1 "$(requests token.requests \
	    '^GET ann repository:ann/b:pull,push repository:ann/app:pull$')"
	tool 1 "$client" --creds ann:secret "$registry" put-blob bob/b layer.tgz
	grep '^unauthorized: ' err
	tool 1 "$client" --creds ann:wr0ng "$registry" put-blob ann/b config.json
	grep '^unauthorized: .*cannot log in' err
	is 0 "$(requests err wr0ng)"
}

@test "registry: without credentials a token is asked for all the same" {
	registry_start_token r
	image
	tool 1 "$client" "$registry" get-manifest public/app 1
	grep '^not_found: ' err
	is 'GET - repository:public/app:pull' "$(cat token.requests)"
	tool 1 "$client" "$registry" get-manifest ann/app 1
	grep '^unauthorized: .*no credentials' err
}

@test "registry: a mount that the token server does not like is an upload" {
	registry_start_token r --strict no/such
	image
	tool 0 "$client" --creds ann:secret "$registry" put-blob ann/a layer.tgz \
	    no/such
	is sent "$(cat out)"
}

@test "registry: an identity token is traded by POST" {
	registry_start_token r
	image
	jq -n --arg h "$registry" '{auths: {($h): {identitytoken: "id-ann"}}}' \
	    > auth.json
	push ann/app 1 --authfile auth.json
	is 3 "$(requests token.requests '^POST ann repository:ann/app:pull,push$')"
	is 3 "$(wc -l < token.requests)"
}

@test "registry: a token that expires during an upload is renewed" {
	registry_start_token r --life 2
	mkfifo slow
	large
	{
		head -c 6000000 blob
		sleep 4		# two lives
		tail -c +6000001 blob
	} > slow 3>&- &
	tool 0 "$client" --creds ann:secret "$registry" put-stream ann/a < slow
	is sent "$(cat out)"
	[ "$(requests token.requests ^GET)" -ge 2 ]
	tool 0 "$client" --creds ann:secret "$registry" get-blob ann/a \
	    "$(digest blob)" 12000001
	cmp out blob
}

@test "registry: a token whose end nobody said is renewed when it is refused" {
	registry_start_token r --life 2 --silent
	mkfifo slow
	large
	{
		head -c 6000000 blob
		sleep 4
		tail -c +6000001 blob
	} > slow 3>&- &
	tool 0 "$client" --creds ann:secret "$registry" put-stream ann/a < slow
	is sent "$(cat out)"
	[ "$(requests token.requests ^GET)" -ge 2 ]
}

@test "registry: credentials go to no place for tokens that has no TLS" {
	registry_realm=http://127.0.0.1:1/token registry_start_token r
	tool 1 "$client" --creds ann:secret "$registry" get-manifest ann/a 1
	grep '^realm_refused: ' err
	is 0 "$(requests err secret)"
}

@test "registry: referrers are listed by the API, or under a tag" {
	registry_start r
	image
	push a 1
	d=$(digest manifest.json)
	tool 0 "$client" "$registry" referrers a "$d"
	[ ! -s out ]
	entry='{"mediaType":"'$manifest'","digest":"'$d'","size":'$(size \
	    manifest.json)'}'
	tool 0 "$client" "$registry" add-referrer a "$d" "$d" "$entry"
	tool 0 "$client" "$registry" add-referrer a "$d" "$d" "$entry"
	tool 0 "$client" "$registry" referrers a "$d"
	is "$entry" "$(cat out)"
	tool 0 "$client" "$registry" get-manifest a "sha256-${d#*:}"
	is "$index" "$(field .mediaType)"
	registry_front p --referrers see-other
	tool 0 "$client" "$registry" referrers a "$d"
	is "$entry" "$(cat out)"
	registry_front q --referrers pages
	tool 0 "$client" "$registry" referrers a "$d"
	is "1 2" "$(jq -r '.digest[-1:]' out | xargs)"
}
