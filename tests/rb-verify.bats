# rb-verify.bats - bundles are judged by the contract, to the letter.

load helpers
load bundle

toolkit=usr/bin/nvidia-ctk
config=etc/nvidia-container-runtime/config.toml
so=usr/lib/x86_64-linux-gnu/libnvidia-container.so.1.17.8

# What the record says of a good bundle.

@test "rb-verify: a good bundle of each architecture is described" {
	bundle a.tar.gz amd64
	bundle b.tar.gz arm64
	tool 0 rb-verify --arch amd64 a.tar.gz --arch arm64 b.tar.gz
	[ ! -s err ]
	is "$(sha256sum < a.tar.gz | cut -c1-64)" "$(jq -rs '.[0].sha256' out)"
	sed -n 1p out > one
	is "$PWD/a.tar.gz" "$(field .tarball one)"
	is "$(stat -c %s a.tar.gz)" "$(field .size one)"
	is '["dir","name","version","architecture","created_at","components","files","bytes","manifest_sha256","contract"]' \
	    "$(field '.bundle | keys_unsorted | tojson' one)"
	is runtime_1.0_amd64 "$(field .bundle.dir one)"
	is runtime "$(field .bundle.name one)"
	is 1.0 "$(field .bundle.version one)"
	is amd64 "$(field .bundle.architecture one)"
	is 2026-01-02T03:04:05Z "$(field .bundle.created_at one)"
	is 6eda4d7 "$(field .bundle.components.libnvidia_container.commit one)"
	is 8 "$(field .bundle.files one)"
	is openshell-gpu "$(field .bundle.contract.name one)"
	mkdir t
	tar -xzf a.tar.gz -C t
	is "$(sha256sum < t/*/manifest.json | cut -c1-64)" \
	    "$(field .bundle.manifest_sha256 one)"
	is "$(find t -type f ! -name manifest.json -printf '%s\n' |
	    awk '{ n += $1 } END { print n }')" "$(field .bundle.bytes one)"
	is arm64 "$(sed -n 2p out | jq -r .bundle.architecture)"
}

@test "rb-verify: without an arch the manifest's own is taken and reported" {
	bundle b.tar.gz arm64
	tool 0 rb-verify b.tar.gz
	is arm64 "$(field .arch)"
	bundle c.tar.gz amd64 -m 'm["architecture"] = "sparc"'
	refused manifest_field_invalid \
	    'malformed manifest.json: invalid field: architecture' \
	    rb-verify c.tar.gz
}

@test "rb-verify: keys of others stay as they were, to the byte" {
	bundle a.tar.gz
	printf '{"x":1.0,"tarball":"a.tar.gz","y":{"z":1e400,"s":"\\u00e9\\/"}}\n' > in
	tool 0 rb-verify < in
	grep -qF '{"x":1.0,"tarball":"a.tar.gz","y":{"z":1e400,"s":"\u00e9\/"},"arch":"amd64","sha256":' out
}

@test "rb-verify: the manifest may stand first or last" {
	bundle a.tar.gz amd64
	bundle b.tar.gz amd64 -o last
	sound a.tar.gz
	cp out first
	sound b.tar.gz
	is "$(field .bundle first)" "$(field .bundle)"
}

@test "rb-verify: nothing is written but the record" {
	bundle a.tar.gz
	mkdir ro
	cp a.tar.gz ro
	(cd ro && find . -printf '%p %T@ %i\n') > before
	(cd ro && rb-verify a.tar.gz > ../out)
	(cd ro && find . -printf '%p %T@ %i\n') | diff before -
}

# The table of refusals, row by row.

@test "rb-verify: a tarball that is not there" {
	for f in gone.tar.gz a/b .; do
		refused tarball_not_found "tarball not found: $PWD/$f" \
		    rb-verify "$PWD/$f"
	done
	: > file
	refused tarball_not_found "tarball not found: $PWD/file/x" \
	    rb-verify file/x
	ln -s loop loop
	refused tarball_not_found "tarball not found: $PWD/loop" rb-verify loop
	refused tarball_not_found "tarball not found: /dev/null" \
	    rb-verify /dev/null
}

@test "rb-verify: another size or digest than the record's" {
	bundle a.tar.gz
	n=$(stat -c %s a.tar.gz)
	sha=$(sha256sum < a.tar.gz | cut -c1-64)
	echo "{\"tarball\":\"a.tar.gz\",\"size\":$((n + 1))}" > in
	refused tarball_size_mismatch "tarball size mismatch: $PWD/a.tar.gz" \
	    rb-verify < in
	is "$((n + 1)) $n" "$(field '.error | "\(.expected) \(.actual)"')"
	other=$(printf x | sha256sum | cut -c1-64)
	echo "{\"tarball\":\"a.tar.gz\",\"size\":$n,\"sha256\":\"$other\"}" > in
	refused tarball_checksum_mismatch \
	    "tarball checksum mismatch: $PWD/a.tar.gz" rb-verify < in
	is "$other $sha" "$(field '.error | "\(.expected) \(.actual)"')"
	echo "{\"tarball\":\"a.tar.gz\",\"size\":$((n - 1)),\"sha256\":\"$other\"}" > in
	refused tarball_size_mismatch "tarball size mismatch: $PWD/a.tar.gz" \
	    rb-verify < in
	echo "{\"tarball\":\"a.tar.gz\",\"size\":$n,\"sha256\":\"$sha\"}" > in
	tool 0 rb-verify < in
}

@test "rb-verify: the record's digest comes before what the bytes hold" {
	bundle bad.tar.gz amd64 -m 'text = b"{"'
	other=$(printf x | sha256sum | cut -c1-64)
	echo "{\"tarball\":\"bad.tar.gz\",\"sha256\":\"$other\"}" > in
	refused tarball_checksum_mismatch \
	    "tarball checksum mismatch: $PWD/bad.tar.gz" rb-verify < in
	head -c 300 bad.tar.gz > cut.tar.gz
	echo "{\"tarball\":\"cut.tar.gz\",\"sha256\":\"$other\"}" > in
	refused tarball_checksum_mismatch \
	    "tarball checksum mismatch: $PWD/cut.tar.gz" rb-verify < in
	sha=$(sha256sum < cut.tar.gz | cut -c1-64)
	echo "{\"tarball\":\"cut.tar.gz\",\"sha256\":\"$sha\"}" > in
	refused archive_damaged 'tar extraction reported warnings or errors' \
	    rb-verify < in
}

@test "rb-verify: expectations of the wrong shape are malformed input" {
	bundle a.tar.gz
	for more in '"sha256":"ABC"' '"sha256":7' '"size":"1"' '"size":-1' \
	    '"size":9007199254740993' '"arch":"sparc"' '"arch":7' \
	    '"bundle":{"files":"8"}' '"bundle":{"dir":1}'; do
		echo "{\"tarball\":\"a.tar.gz\",$more}" > in
		tool 2 rb-verify < in
		is input "$(field .error.kind)"
	done
	for line in '{}' '{"tarball":""}' '{"tarball":1}' '{"tarball":null}'; do
		echo "$line" > in
		tool 2 rb-verify < in
		is input "$(field .error.kind)"
	done
	tool 2 rb-verify --arch sparc a.tar.gz
}

@test "rb-verify: more than one thing at the top" {
	m='expected a single top-level bundle directory'
	fault not_single_directory "$m" -t 'entries.append(E("other", b"x"))'
	fault not_single_directory "$m" -t 'entries.append(E(".hidden", b"x"))'
	fault not_single_directory "$m" -t 'entries.append(E("dir/x", b"x"))'
	fault not_single_directory "$m" -t 'entries.append(E("dir", type="5"))'
	bundle bad.tar.gz amd64 -t 'entries[:] = [E("file", b"x")]'
	refused not_single_directory "$m" rb-verify bad.tar.gz
	bundle bad.tar.gz amd64 -t 'entries[:] = []'
	refused not_single_directory "$m" rb-verify bad.tar.gz
	bundle bad.tar.gz amd64 -t 'entries[:] = [E("./", type="5")]'
	refused not_single_directory "$m" rb-verify bad.tar.gz
}

@test "rb-verify: no manifest, or one that is no regular file" {
	m='missing bundle manifest.json'
	bundle bad.tar.gz amd64 -t 'entries.remove(manifest)'
	refused manifest_missing "$m" rb-verify bad.tar.gz
	bundle bad.tar.gz amd64 -t 'entries.remove(manifest)
add("manifest.json", type="5")'
	refused manifest_missing "$m" rb-verify bad.tar.gz
	bundle bad.tar.gz amd64 -t 'entries.remove(manifest)
add("m", manifest.data)
add("manifest.json", type="2", link="m")'
	refused manifest_missing "$m" rb-verify bad.tar.gz
	bundle bad.tar.gz amd64 -t 'manifest.name = path("usr/manifest.json")'
	refused manifest_missing "$m" rb-verify bad.tar.gz
}

@test "rb-verify: a malformed manifest, with place and cause" {
	m='malformed manifest.json'
	fault manifest_malformed "$m" -m 'text = b"{"'
	fault manifest_malformed "$m" -m 'text = b""'
	fault manifest_malformed "$m" -m 'text = b"[]"'
	fault manifest_malformed "$m" -m 'text = b"null"'
	fault manifest_malformed "$m" -m 'text = json.dumps(m).encode() + b"{}"'
	fault manifest_malformed "$m" -m 'text = b"\xef\xbb\xbf" + json.dumps(m).encode()'
	fault manifest_malformed "$m" -m 'text = json.dumps(m).encode()[:-1] + b",}"'
	fault manifest_malformed "$m" \
	    -m 'text = json.dumps(m).encode()[:-1] + b",\"bundle_name\":\"x\"}"'
	for value in '"\u0000"' '"\ud800"' '"\xff"' NaN 01 '{"a":1,"a":2}'; do
		fault manifest_malformed "$m" \
		    -m "text = json.dumps(m).encode()[:-1] + b',\"x\":$value}'"
		[ -n "$(field .error.detail)" ]
	done
	fault manifest_malformed "$m" -m \
	    'text = json.dumps(m).encode()[:-1] + b",\"x\":" + b"[" * 64 + b"]" * 64 + b"}"'
	bundle good.tar.gz amd64 -m \
	    'text = json.dumps(m).encode()[:-1] + b",\"x\":" + b"[" * 63 + b"]" * 63 + b"}"'
	sound good.tar.gz
	fault manifest_malformed "$m" \
	    -m 'text = json.dumps(m).encode() + b" " * (32 << 20)'
	bundle good.tar.gz amd64 -m 'text = json.dumps(m).encode()
text += b" " * ((32 << 20) - len(text))'
	sound good.tar.gz
}

@test "rb-verify: a manifest's field that is missing" {
	for f in schema_version bundle_name bundle_version architecture \
	    created_at components files; do
		fault manifest_field_missing \
		    "missing required manifest field: $f" -m "del m['$f']"
		fault manifest_field_missing \
		    "missing required manifest field: $f" -m "m['$f'] = None"
	done
}

@test "rb-verify: a component, or a field of one, that is missing" {
	fault manifest_field_missing \
	    'missing required manifest field: components.nvidia_container_toolkit' \
	    -m 'del m["components"]["nvidia_container_toolkit"]'
	fault manifest_field_missing \
	    'missing required manifest field: components.libnvidia_container' \
	    -m 'm["components"]["libnvidia_container"] = None'
	for f in version commit; do
		fault manifest_field_missing \
		    "missing required manifest field: components.libnvidia_container.$f" \
		    -m "del m['components']['libnvidia_container']['$f']"
		fault manifest_field_invalid \
		    "malformed manifest.json: invalid field: components.libnvidia_container.$f" \
		    -m "m['components']['libnvidia_container']['$f'] = ' \\t'"
		fault manifest_field_invalid \
		    "malformed manifest.json: invalid field: components.libnvidia_container.$f" \
		    -m "m['components']['libnvidia_container']['$f'] = 1"
	done
	fault manifest_field_invalid \
	    'malformed manifest.json: invalid field: components.libnvidia_container' \
	    -m 'm["components"]["libnvidia_container"] = "1.0"'
}

@test "rb-verify: a field of a listed path that is missing" {
	for f in entry_type sha256 size; do
		fault manifest_field_missing \
		    "missing required manifest field: files[].$f:$toolkit" \
		    -m "del listed('$toolkit')['$f']"
		fault manifest_field_missing \
		    "missing required manifest field: files[].$f:$toolkit" \
		    -m "listed('$toolkit')['$f'] = None"
	done
	fault manifest_field_missing \
	    'missing required manifest field: files[].path' \
	    -m "del listed('$toolkit')['path']"
}

@test "rb-verify: a manifest's field with a wrong value" {
	invalid='malformed manifest.json: invalid field:'
	for v in 2 0 '"1"' 1.0 true '[]'; do
		fault manifest_field_invalid "$invalid schema_version" \
		    -m "m['schema_version'] = json.loads('$v')"
	done
	fault manifest_field_invalid "$invalid schema_version" -m \
	    'text = json.dumps(m).replace("version\": 1,", "version\": 1e0,").encode()'
	for f in bundle_name bundle_version architecture created_at; do
		for v in '""' '"  "' 1 '{}'; do
			fault manifest_field_invalid "$invalid $f" \
			    -m "m['$f'] = json.loads('$v')"
		done
	done
	for v in 2026-01-02 '2026-01-02 03:04:05Z' 2026-13-02T03:04:05Z \
	    2026-02-30T03:04:05Z 2026-01-02T24:04:05Z 2026-01-02T03:04:05 \
	    2026-01-02T03:04:05+24:00 2026-1-2T3:4:5Z; do
		fault manifest_field_invalid "$invalid created_at" \
		    -m "m['created_at'] = '$v'"
	done
	fault manifest_field_invalid "$invalid components" -m 'm["components"] = []'
	fault manifest_field_invalid "$invalid files" -m 'm["files"] = {}'
}

@test "rb-verify: times as RFC 3339 writes them are good" {
	for v in 2026-01-02t03:04:05z 2026-01-02T03:04:05.123456+05:30 \
	    2016-12-31T23:59:60Z 2024-02-29T00:00:00-00:00; do
		bundle a.tar.gz amd64 -m "m['created_at'] = '$v'"
		sound a.tar.gz
		is "$v" "$(field .bundle.created_at)"
	done
}

@test "rb-verify: a listed path with a wrong value" {
	invalid='malformed manifest.json: invalid field: files[]'
	for v in '"dir"' '"File"' '""' 1; do
		fault manifest_field_invalid "$invalid.entry_type:$toolkit" \
		    -m "listed('$toolkit')['entry_type'] = json.loads('$v')"
	done
	for v in "'A' * 64" "'0' * 63" "'0' * 65" "'g' * 64" 7 "''"; do
		fault manifest_field_invalid "$invalid.sha256:$toolkit" \
		    -m "listed('$toolkit')['sha256'] = $v"
	done
	for v in -1 '"64"' 1.0 1e0 9007199254740992 true; do
		fault manifest_field_invalid "$invalid.size:$toolkit" \
		    -m "text = json.dumps(m).replace('\"size\": 74}', '\"size\": $v}').encode()
assert b'\"size\": $v}' in text"
	done
	fault manifest_field_invalid "$invalid.path:$toolkit" \
	    -m "m['files'].append(listed('$toolkit'))"
	for v in 1 '{}' true; do
		fault manifest_field_invalid "$invalid.path" \
		    -m "listed('$toolkit')['path'] = json.loads('$v')"
	done
	for v in 1 '"x"' '[]' null; do
		fault manifest_field_invalid "$invalid" \
		    -m "m['files'].insert(0, json.loads('$v'))"
	done
	for v in 1 '""' '[]'; do
		fault manifest_field_invalid \
		    "$invalid.target:usr/lib/x86_64-linux-gnu/libnvidia-container.so.1" \
		    -m "m['files'][-1]['target'] = json.loads('$v')"
	done
}

@test "rb-verify: files without a single file" {
	m='malformed manifest.json: invalid field: files'
	fault manifest_field_invalid "$m" -m 'm["files"] = []'
	fault manifest_field_invalid "$m" -m 'm["files"] = m["files"][-1:]'
}

@test "rb-verify: another architecture than the one asked for" {
	bundle b.tar.gz arm64
	refused arch_mismatch \
	    'bundle architecture mismatch: expected amd64, got arm64' \
	    rb-verify --arch amd64 b.tar.gz
	is 'amd64 arm64' "$(field '.error | "\(.expected) \(.actual)"')"
	fault arch_mismatch \
	    'bundle architecture mismatch: expected amd64, got x86_64' \
	    -m 'm["architecture"] = "x86_64"'
	echo '{"tarball":"b.tar.gz","arch":"amd64"}' > in
	refused arch_mismatch \
	    'bundle architecture mismatch: expected amd64, got arm64' \
	    rb-verify < in
}

@test "rb-verify: a listed path that leads elsewhere" {
	for p in /etc/passwd ../x usr/../x usr/./x ./usr usr//x usr/ '' . .. \
	    manifest.json; do
		fault path_invalid "invalid manifest-listed payload path: $p" \
		    -m "m['files'].append(dict(listed('$toolkit'), path='$p'))"
	done
}

@test "rb-verify: a listed path that is not there" {
	fault payload_missing \
	    "missing manifest-listed payload path: $toolkit" \
	    -t "drop('$toolkit')"
	fault payload_missing \
	    "missing manifest-listed payload path: usr/bin/new" \
	    -m "m['files'].append(dict(listed('$toolkit'), path='usr/bin/new'))"
	fault payload_missing \
	    "missing manifest-listed payload path: $toolkit/below" \
	    -m "m['files'].append(dict(listed('$toolkit'), path='$toolkit/below'))"
}

@test "rb-verify: other bytes than the manifest lists" {
	fault checksum_mismatch "checksum mismatch: $toolkit" \
	    -t "e = get('$toolkit'); e.data = e.data[:-1] + b'!'"
	is "$toolkit" "$(field .error.path)"
	fault checksum_mismatch "checksum mismatch: $toolkit" \
	    -t "e = get('$toolkit'); e.data += b'!'; e.size += 1"
	fault checksum_mismatch "checksum mismatch: $toolkit" \
	    -t "e = get('$toolkit'); e.data = b''; e.size = 0"
	fault size_mismatch "size mismatch: $toolkit" \
	    -m "listed('$toolkit')['size'] += 1"
}

@test "rb-verify: a file where a symlink is listed, and the other way" {
	fault entry_type_mismatch "entry type mismatch: $toolkit" \
	    -m "listed('$toolkit')['entry_type'] = 'symlink'"
	is 'symlink file' "$(field '.error | "\(.expected) \(.actual)"')"
	fault entry_type_mismatch "entry type mismatch: $config" \
	    -t "e = get('$config'); e.type = '2'; e.data = b''; e.size = 0
e.link = 'x'"
	fault entry_type_mismatch "entry type mismatch: usr/bin" \
	    -m "m['files'].insert(0, dict(listed('$toolkit'), path='usr/bin'))"
}

@test "rb-verify: a symlink with another target" {
	fault target_mismatch "symlink target mismatch: ${so%.17.8}" \
	    -t "get('${so%.17.8}').link = 'libnvidia-container.so.2'"
	is 'libnvidia-container.so.1.17.8 libnvidia-container.so.2' \
	    "$(field '.error | "\(.expected) \(.actual)"')"
	bundle a.tar.gz amd64 -m 'del m["files"][-1]["target"]'
	sound a.tar.gz
	bundle a.tar.gz amd64 -m 'm["files"][-1]["target"] = None'
	sound a.tar.gz
}

@test "rb-verify: a path that the manifest does not list, sorted by path" {
	fault payload_unlisted \
	    'unlisted payload path present on disk: usr/bin/extra' \
	    -t 'add("usr/bin/extra", b"x")'
	fault payload_unlisted \
	    'unlisted payload path present on disk: .hidden' \
	    -t 'add(".hidden", b"x")'
	fault payload_unlisted \
	    'unlisted payload path present on disk: l' \
	    -t 'add("l", type="2", link="usr")'
	fault payload_unlisted \
	    'unlisted payload path present on disk: usr/manifest.json' \
	    -t 'add("usr/manifest.json", b"x")'
	fault payload_unlisted 'unlisted payload path present on disk: a' \
	    -t 'for p in ("z", "b", "a/b", "a-b", "a", "c")[0:]:
	p != "a/b" and add(p, b"x")'
	is '["a","a-b","b","c","z"]' \
	    "$(rb-verify --all-errors bad.tar.gz 2> /dev/null |
	    jq -c '[.error.all[].path]')"
}

@test "rb-verify: a directory need not be listed, and may be empty" {
	bundle a.tar.gz amd64 -t 'add("empty", type="5")'
	sound a.tar.gz
}

@test "rb-verify: a required path that the manifest does not list" {
	for p in usr/bin/nvidia-cdi-hook $toolkit $config; do
		fault required_unlisted \
		    "required runtime asset missing from manifest.json: $p" \
		    -e "drop('$p')"
	done
	fault required_unlisted \
	    "required runtime asset missing from manifest.json: $toolkit" \
	    -m "m['files'].remove(listed('$toolkit'))"
}

@test "rb-verify: a required binary that is a symlink" {
	fault required_not_file "invalid required binary entry type: $toolkit" \
	    -e "drop('$toolkit'); add('$toolkit', type='2', link='nvidia-cdi-hook')"
}

@test "rb-verify: no library of the required kind" {
	fault required_glob_missing \
	    'missing required library subtree: usr/lib/x86_64-linux-gnu/libnvidia-container*.so*' \
	    -e "drop('$so'); drop('${so%.17.8}'); add('usr/lib/other.so', b'')"
	fault required_glob_missing \
	    'missing required library subtree: usr/lib/x86_64-linux-gnu/libnvidia-container*.so*' \
	    -e "drop('$so'); drop('${so%.17.8}')
add(lib + '/libnvidia-container.d/x.so', b'')
add('usr/lib/aarch64-linux-gnu/libnvidia-container.so', b'')"
	bundle b.tar.gz arm64 -e \
	    'drop(lib + "/libnvidia-container.so.1.17.8")
drop(lib + "/libnvidia-container.so.1")'
	refused required_glob_missing \
	    'missing required library subtree: usr/lib/aarch64-linux-gnu/libnvidia-container*.so*' \
	    rb-verify b.tar.gz
	bundle a.tar.gz amd64 -e "drop('$so')"
	sound a.tar.gz
}

@test "rb-verify: what another contract requires and is not there" {
	cat > c.json <<'JSON'
{"name":"mine","files":["usr/bin/gone"],"directories":["usr/bin"]}
JSON
	bundle a.tar.gz
	refused required_missing 'missing required path: usr/bin/gone' \
	    rb-verify --contract c.json a.tar.gz
	echo '{"name":"mine","directories":["opt"]}' > c.json
	refused required_missing 'missing required path: opt' \
	    rb-verify --contract c.json a.tar.gz
	echo "{\"name\":\"mine\",\"directories\":[\"$toolkit\"]}" > c.json
	refused required_not_directory \
	    "required path is not a directory: $toolkit" \
	    rb-verify --contract c.json a.tar.gz
	echo '{"name":"mine","files":["usr/bin"]}' > c.json
	refused required_not_file \
	    'invalid required binary entry type: usr/bin' \
	    rb-verify --contract c.json a.tar.gz
	echo '{"name":"mine","globs":["opt/*"]}' > c.json
	refused required_glob_missing 'missing required library subtree: opt/*' \
	    rb-verify --contract c.json a.tar.gz
}

@test "rb-verify: an ELF file for another machine" {
	m="ELF machine does not match architecture amd64: $toolkit"
	fault elf_arch_mismatch "$m" -e "get('$toolkit').__init__(
    path('$toolkit'), elf(183), mode=0o755)"
	fault elf_arch_mismatch "$m" -e "get('$toolkit').__init__(
    path('$toolkit'), elf(3), mode=0o755)"
	fault elf_arch_mismatch "$m" -e "get('$toolkit').__init__(
    path('$toolkit'), elf(0), mode=0o755)"
	bundle a.tar.gz amd64 \
	    -e 'add("short", elf(183)[:19]); add("text", b"\x7fELf" + elf(183)[4:])'
	sound a.tar.gz
}

# The order of judgement: of two faults the earlier rule's is reported.

@test "rb-verify: of two faults the earlier rule's is named" {
	bad_type="get('$toolkit').type = '6'"
	malformed='text = b"{"'
	no_name='del m["bundle_name"]'
	wrong_arch='m["architecture"] = "arm64"'
	gone="m['files'].insert(0, dict(listed('$toolkit'), path='gone'))"
	unlisted='add("extra", b"")'
	required="drop('$config')"
	link="drop('$toolkit'); add('$toolkit', type='2', link='x')"
	foreign="get('$so').data = elf(183) + get('$so').data[64:]"
	other='entries.append(E("other", b"x"))'

	fault unsafe_entry "unsafe archive entry: runtime_1.0_amd64/$toolkit: a FIFO" \
	    -t "$other; $bad_type; get('$toolkit').data = b''; get('$toolkit').size = 0"
	fault not_single_directory \
	    'expected a single top-level bundle directory' \
	    -m "$malformed" -t "$other"
	fault manifest_malformed 'malformed manifest.json' \
	    -m "$malformed" -t "$unlisted"
	fault manifest_field_missing \
	    'missing required manifest field: bundle_name' \
	    -m "$no_name; $wrong_arch"
	fault manifest_field_missing \
	    "missing required manifest field: files[].size:$toolkit" \
	    -m "del listed('$toolkit')['size']; $wrong_arch"
	fault arch_mismatch \
	    'bundle architecture mismatch: expected amd64, got arm64' \
	    -m "$wrong_arch; $gone"
	fault payload_missing 'missing manifest-listed payload path: gone' \
	    -e "$required" -m "$gone"
	fault required_unlisted \
	    "required runtime asset missing from manifest.json: $config" \
	    -e "$required" -t "$unlisted"
	fault payload_unlisted 'unlisted payload path present on disk: extra' \
	    -e "$link" -t "$unlisted"
	fault required_not_file "invalid required binary entry type: $toolkit" \
	    -e "$link; $foreign"
}

@test "rb-verify: listed paths are judged in the manifest's order" {
	fault checksum_mismatch "checksum mismatch: $so" \
	    -m "m['files'].reverse()" \
	    -t "for p in ('$toolkit', '$so'): get(p).data = bytes(get(p).size)"
	fault checksum_mismatch "checksum mismatch: $toolkit" \
	    -t "for p in ('$toolkit', '$so'): get(p).data = bytes(get(p).size)"
}

@test "rb-verify: a checksum comes before a size, in every order" {
	fault checksum_mismatch "checksum mismatch: $toolkit" \
	    -m "listed('$toolkit').update(size=5, sha256='0' * 64)"
}

# Unsafe archive entries.

@test "rb-verify: names that lead elsewhere are refused" {
	unsafe /etc/passwd 'the path is absolute' \
	    -t 'entries.append(E("/etc/passwd", b"x"))'
	unsafe runtime_1.0_amd64/../x "a '..' in the path" \
	    -t 'add("../x", b"x")'
	unsafe .. "a '..' in the path" -t 'entries.append(E("..", type="5"))'
	unsafe runtime_1.0_amd64/usr/./x "a '.' in the path" \
	    -t 'add("usr/./x", b"x")'
	unsafe runtime_1.0_amd64/usr//x 'an empty name in the path' \
	    -t 'add("usr//x", b"x")'
	unsafe '' 'the name is empty' -t 'entries.append(E("", b"x"))'
	unsafe . 'the name is empty' \
	    -t 'entries.append(E(".", type="2", link="x"))'
}

@test "rb-verify: names with control bytes, or that are not UTF-8" {
	fault unsafe_entry \
	    "$(printf 'unsafe archive entry: runtime_1.0_amd64/a\\nb: a control byte in the name')" \
	    -t 'add("a\nb", b"x")'
	fault unsafe_entry \
	    "$(printf 'unsafe archive entry: runtime_1.0_amd64/a\\x1bb: a control byte in the name')" \
	    -t 'add("a\033b", b"x")'
	bundle bad.tar.gz amd64 -t 'add("x", b"x").name = path("x").encode() + b"\xff"'
	tool 1 rb-verify bad.tar.gz
	is unsafe_entry "$(field .error.code)"
	grep -q 'the name is not UTF-8' err
	fault archive_damaged 'tar extraction reported warnings or errors' \
	    -t 'add("x", b"x", pre=pax({"path": path("a\0b")}))'
}

@test "rb-verify: entries that are no directory, file or symlink" {
	for t in '1 a hard link' '3 a device' '4 a device' '6 a FIFO' \
	    '7 a contiguous file' 'M a multi-volume archive' 'V an unknown type' \
	    'S a sparse file' 'Z an unknown type'; do
		why=${t#* }
		[ "${t%% *}" != V ] || why='a multi-volume archive'
		unsafe runtime_1.0_amd64/x "$why" \
		    -t "add('x', type='${t%% *}', mode=0o644, link='${t%%[!1]*}' and path('$toolkit'))"
	done
	unsafe runtime_1.0_amd64/x 'a sparse file' \
	    -t 'add("x", b"x", pre=pax({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}))'
}

@test "rb-verify: a symlink that leads out of the bundle" {
	unsafe runtime_1.0_amd64/l "the link's target is absolute" \
	    -e 'add("l", type="2", link="/etc")'
	for t in .. ../other ../runtime_1.0_amd64 ../../x usr/../../x; do
		unsafe runtime_1.0_amd64/l \
		    'the link leads out of the bundle directory' \
		    -e "add('l', type='2', link='$t')"
	done
	unsafe runtime_1.0_amd64/usr/l \
	    'the link leads out of the bundle directory' \
	    -e 'add("usr/l", type="2", link="../..")'
	unsafe runtime_1.0_amd64/l "the link's target is empty" \
	    -t 'add("l", type="2", link="")'
	unsafe runtime_1.0_amd64/l "a control byte in the link's target" \
	    -e 'add("l", type="2", link="a\nb")'
}

@test "rb-verify: a symlink that leads out by way of another" {
	unsafe runtime_1.0_amd64/b 'the link leads out of the bundle directory' \
	    -e 'add("a", type="2", link="usr/lib"); add("b", type="2", link="a/../../../x")'
	# the other link may come later in the archive
	unsafe runtime_1.0_amd64/b 'the link leads out of the bundle directory' \
	    -e 'add("b", type="2", link="usr/bin/up/../.."); add("usr/bin/up", type="2", link="../../etc")'
	unsafe runtime_1.0_amd64/top 'the link leads out of the bundle directory' \
	    -e 'add("here", type="2", link="."); add("top", type="2", link="here/here/..")'
}

@test "rb-verify: a dangling link inside, a loop and a detour are data" {
	bundle a.tar.gz amd64 -e '
add("dangling", type="2", link="usr/nothing/here")
add("loop", type="2", link="loop")
add("a", type="2", link="b"); add("b", type="2", link="a")
add("usr/detour", type="2", link="../usr/../etc/./nvidia-container-runtime//config.toml")
add("dir", type="2", link="usr/bin/")'
	sound a.tar.gz
}

@test "rb-verify: an entry below a symlink or a file" {
	unsafe runtime_1.0_amd64/l/x 'it stands below a symlink' \
	    -t 'add("l", type="2", link="usr"); add("l/x", b"x")'
	unsafe runtime_1.0_amd64/l 'the path is a directory of other entries' \
	    -t 'add("l/x", b"x"); add("l", type="2", link="usr")'
	unsafe "runtime_1.0_amd64/$toolkit/x" 'it stands below a file' \
	    -t "add('$toolkit/x', b'x')"
	unsafe runtime_1.0_amd64/d 'the path is a directory of other entries' \
	    -t 'add("d/x", b"x"); add("d", b"x")'
}

@test "rb-verify: a path given twice" {
	why='the path is given twice'
	unsafe "runtime_1.0_amd64/$toolkit" "$why" \
	    -t "add('$toolkit', get('$toolkit').data)"
	unsafe runtime_1.0_amd64/usr "$why" -t 'add("usr", type="5")'
	unsafe "runtime_1.0_amd64/$toolkit" "$why" \
	    -t "e = add('$toolkit', get('$toolkit').data); e.name = './' + e.name"
	unsafe runtime_1.0_amd64/manifest.json "$why" \
	    -t 'entries.append(manifest)' -o first
}

@test "rb-verify: setuid, setgid and sticky bits" {
	for mode in 0o4755 0o2755 0o1755; do
		unsafe "runtime_1.0_amd64/$toolkit" \
		    'a setuid, setgid or sticky bit' -t "get('$toolkit').mode = $mode"
		unsafe runtime_1.0_amd64/usr 'a setuid, setgid or sticky bit' \
		    -t "get('usr').mode = $mode; get('usr').name += '/'"
	done
}

@test "rb-verify: attributes that carry capabilities; others are ignored" {
	why='an extended attribute with capabilities'
	for k in SCHILY.xattr.security.capability \
	    LIBARCHIVE.xattr.security.capability; do
		unsafe "runtime_1.0_amd64/$toolkit" "$why" \
		    -t "get('$toolkit').pre = pax({'$k': b'AQAAAg=='})"
	done
	bundle a.tar.gz amd64 -t "get('$toolkit').pre = pax({
    'SCHILY.xattr.user.note': 'x', 'SCHILY.acl.access': 'user::rwx,group::r-x,other::r-x',
    'LIBARCHIVE.creationtime': '1', 'mtime': '1.5', 'atime': '2', 'uid': '7',
    'uname': 'me', 'comment': 'hello'})"
	sound a.tar.gz
}

@test "rb-verify: a path over 4,096 bytes" {
	bundle a.tar.gz amd64 -e 'p = "d/" * 2038 + "x"
assert len(path(p)) == 4095
add(p + "x", b"x", pre=pax({"path": path(p + "x")})).name = path(p + "x")' \
	    -t 'for e in entries:
	if len(e.name) > 4000: e.pre = pax({"path": e.name}); e.name = "short"'
	sound a.tar.gz
	unsafe "runtime_1.0_amd64/$(printf 'd/%.0s' {1..2038})xxx" \
	    'the path is longer than 4,096 bytes' \
	    -t 'add("x", b"x", pre=pax({"path": path("d/" * 2038 + "xxx")}))'
}

@test "rb-verify: more than 100,000 entries" {
	bundle a.tar.gz amd64 -e 'n = 100000 - len(entries) - 1
block = E(path("0000000"), type="5").bytes()
add("d", type="5").bytes = lambda: b"".join(
    E(path("%07d" % i), type="5").bytes() for i in range(n))'
	sound a.tar.gz
	bundle bad.tar.gz amd64 -e 'n = 100001 - len(entries) - 1
add("d", type="5").bytes = lambda: b"".join(
    E(path("%07d" % i), type="5").bytes() for i in range(n))'
	refused unsafe_entry \
	    'unsafe archive entry: runtime_1.0_amd64/0099984: more than 100,000 entries' \
	    rb-verify bad.tar.gz
}

@test "rb-verify: more payload than the limit; the limit itself is allowed" {
	bundle a.tar.gz
	mkdir t
	tar -xzf a.tar.gz -C t
	sum=$(find t -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')
	tool 0 rb-verify --max-bytes "$sum" a.tar.gz
	refused too_large \
	    "payload exceeds its limit: runtime_1.0_amd64/$so: more than $((sum - 1)) bytes" \
	    rb-verify --max-bytes $((sum - 1)) a.tar.gz
	tool 0 rb-verify --max-bytes 1M a.tar.gz
	for n in x -1 1X ''; do
		tool 2 rb-verify --max-bytes "$n" a.tar.gz
	done
	# the size that a header gives is enough
	bundle bad.tar.gz amd64 -t "get('$toolkit').size = (8 << 30) - 1"
	refused too_large \
	    "payload exceeds its limit: runtime_1.0_amd64/$toolkit: more than 8589934592 bytes" \
	    rb-verify bad.tar.gz
}

@test "rb-verify: a file longer than listed is a checksum mismatch" {
	fault checksum_mismatch "checksum mismatch: $toolkit" \
	    -t "e = get('$toolkit'); e.data += bytes(100000); e.size += 100000"
}

@test "rb-verify: unsafe entries and damage are told in the archive's order" {
	unsafe runtime_1.0_amd64/x 'a FIFO' -t '
add("x", type="6"); add("y", type="3"); add("z", b"x", over={148: b"0000000\0"})'
	fault archive_damaged 'tar extraction reported warnings or errors' -t '
add("z", b"x", over={148: b"0000000\0"}); add("x", type="6")'
	unsafe runtime_1.0_amd64/l 'the link leads out of the bundle directory' \
	    -e 'add("l", type="2", link=".."); add("x", type="6")'
	unsafe runtime_1.0_amd64/x 'a FIFO' \
	    -e 'add("x", type="6"); add("l", type="2", link="..")'
	bundle bad.tar.gz amd64 -e 'add("l", type="2", link="..")
for i in range(150): add("x%d" % i, type="6")'
	for all in '' --all-errors; do
		# shellcheck disable=SC2086
		refused unsafe_entry 'unsafe archive entry: runtime_1.0_amd64/l: the link leads out of the bundle directory' \
		    rb-verify $all bad.tar.gz
	done
	# whether a link leads out is told by what stands before the first fault
	unsafe runtime_1.0_amd64/x 'a FIFO' -e 'add("a", type="2", link="l/../x")
add("x", type="6"); add("l", type="2", link=".")'
}

# Damaged archives.

@test "rb-verify: headers that lie are damage" {
	damaged -t "get('$toolkit').over = {148: b'0000000\0'}"
	damaged -t "get('$toolkit').over = {124: b'-0000000001\0'}"
	damaged -t "get('$toolkit').over = {124: b'\xff' * 12}"
	damaged -t "get('$toolkit').over = {124: b'0000000009x\0'}"
	damaged -t "get('usr').data = b'body'; get('usr').size = 4"
	damaged -t "e = get('${so%.17.8}'); e.data = b'body'; e.size = 4"
	damaged -t "get('$toolkit').name += '/'"
	damaged -t "get('$toolkit').over = {len(path('$toolkit')): b'\0evil'}"
}

@test "rb-verify: extended headers that readers take differently are damage" {
	damaged -t "get('$toolkit').pre = gnu('L', path('$toolkit')) * 2"
	damaged -t "get('${so%.17.8}').pre = gnu('K', 'libnvidia-container.so.1.17.8') * 2"
	damaged -t "get('$toolkit').pre = pax({'mtime': '1'}) * 2"
	damaged -t "get('$toolkit').pre = pax([('mtime', 1), ('mtime', 2)])"
	damaged -t "get('$toolkit').pre = pax([('path', path('$toolkit')), ('path', path('$toolkit'))])"
	damaged -t "get('$toolkit').pre = pax({'comment': 'a\\0b'})"
	damaged -t "get('$toolkit').pre = pax({'size': 5})"
	damaged -t "get('$toolkit').pre = pax({'path': path('$toolkit')}, 'g')"
	damaged -t "get('$toolkit').pre = pax({'comment': 'x', 'mtime': '1'}, 'g')"
	damaged -t "get('$toolkit').pre = gnu('L', path('$toolkit') + '\\0evil')"
}

@test "rb-verify: an archive that does not end as one is damage" {
	damaged -s 'tar = tar[:-1024]'
	damaged -s 'tar = tar[:-512]'
	damaged -s 'tar = tar[:-600]'
	damaged -s 'tar = tar[:5000]'
	damaged -s 'tar += b"x"'
	damaged -s 'tar += bytes(512) + b"x" * 512'
	damaged -s 'tar += tar'
	damaged -s 'tar = bytes(512) + tar'
	damaged -s 'tar = b""'
}

@test "rb-verify: a gzip stream that is not one whole member is damage" {
	damaged -z 'out = out[:-1]'
	damaged -z 'out = out[:-9]'
	damaged -z 'out = out[:len(out) // 2]'
	damaged -z 'out += b"\0"'
	damaged -z 'out += bytes(512)'
	damaged -z 'out += gzip.compress(b"")'
	damaged -z 'out = gzip.compress(tar[:512]) + gzip.compress(tar[512:])'
	damaged -z 'out = out[:-8] + bytes([out[-8] ^ 1]) + out[-7:]'
	damaged -z 'out = out[:-4] + bytes([out[-4] ^ 1]) + out[-3:]'
	damaged -z 'out = out[:3] + b"\x20" + out[4:]'
	damaged -z 'out = b""'
	damaged -z 'out = b"<html>not found</html>"'
}

@test "rb-verify: another container under a tarball's name is damage" {
	needs zstd xz
	damaged -z 'import bz2; out = bz2.compress(tar)'
	damaged -z 'import io, zipfile; b = io.BytesIO(); zipfile.ZipFile(b, "w").writestr("x", "y"); out = b.getvalue()'
	damaged -z 'out = b"!<arch>\n" + tar'
	damaged -z 'out = gzip.compress(gzip.compress(tar))'
	damaged -c zstd -z 'out += b"\0"'
	damaged -c zstd -z 'out = out[:-1]'
	damaged -c zstd -z 'out = out[:-3] + bytes([out[-3] ^ 1]) + out[-2:]'
	damaged -c xz -z 'out += b"\1\0\0\0"'
	damaged -c xz -z 'out = out[:-1]'
	damaged -c none -s 'tar += gzip.compress(tar)'
}

@test "rb-verify: a flipped bit is refused, or gives the same tree" {
	bundle a.tar.gz
	cat > flip.py <<'PY'
import random, sys
random.seed(int(sys.argv[1]))
data = open(sys.argv[2], 'rb').read()
for i in range(int(sys.argv[3])):
    at = random.randrange(len(data) * 8)
    bad = bytearray(data)
    bad[at // 8] ^= 1 << at % 8
    open('flip%d.tar.gz' % i, 'wb').write(bad)
PY
	$python flip.py 1 a.tar.gz 400
	mkdir t
	tar -xzf a.tar.gz -C t
	tree t > want
	got=0
	rb-verify flip*.tar.gz > out 2> err || got=$?
	is 1 "$got"
	is 400 "$(wc -l < out)"
	is 0 "$(jq -r 'select(.error != null and .error.kind != "check") | .tarball' out | wc -l)"
	# the rest flipped a bit of the gzip header: time, OS, level
	jq -r 'select(.error == null) | .tarball' out > good
	while read -r f; do
		rm -rf t
		mkdir t
		tar -xzf "$f" -C t
		tree t | diff want -
	done < good
	[ "$(wc -l < good)" -lt 40 ]
	bundle plain.tar amd64 -c none
	rm flip*.tar.gz
	$python flip.py 2 plain.tar 200
	rb-verify flip*.tar.gz > out 2> err || :
	is 200 "$(wc -l < out)"
	jq -r 'select(.error == null) | .tarball' out > good
	while read -r f; do
		rm -rf t
		mkdir t
		tar -xf "$f" -C t
		tree t | diff want -
	done < good
}

# What honest programs write.

# honest DIR: the tree of an honest bundle, with names that need care.
honest() {
	bundle honest.tar.gz amd64 -p -e '
add("doc/a file'"'"'s \"name\"", b"x"); add("doc/gr\u00f6\u00dfe", b"y")
add("doc/GR\u00d6SSE", b"z"); add("doc/e\u0301", b"n")
add("doc/" + "long/" * 30 + "n" * 120, b"long", mode=0o600).name = path("doc/L")
add("doc/link", type="2", link="gr\u00f6\u00dfe")'
	mkdir -p "$1"
	tar -xzf honest.tar.gz -C "$1"
	long=$1/runtime_1.0_amd64/doc/$(printf 'long%.0s/' {1..30})
	mkdir -p "$long"
	mv "$1/runtime_1.0_amd64/doc/L" "$long/$(printf 'n%.0s' {1..120})"
	long=doc/$(printf 'long%.0s/' {1..30})$(printf 'n%.0s' {1..120})
	sed -i "s|doc/L\"|$long\"|" "$1/runtime_1.0_amd64/manifest.json"
}

@test "rb-verify: what GNU tar writes is accepted, in every format" {
	honest t
	for f in gnu oldgnu pax posix; do
		tar --format=$f -C t -czf a.tar.gz runtime_1.0_amd64
		sound a.tar.gz
		is 14 "$(field .bundle.files)"
		tar --format=$f -C t -czf a.tar.gz ./runtime_1.0_amd64
		sound a.tar.gz
		tar --format=$f -C t -czf a.tar.gz .
		sound a.tar.gz
		tar --format=$f -C t -b 200 -czf a.tar.gz runtime_1.0_amd64
		sound a.tar.gz
		tar --format=$f --numeric-owner --owner=4000000 --group=4000000 \
		    --mtime=@99999999999 -C t -czf a.tar.gz runtime_1.0_amd64
		sound a.tar.gz
	done
	# v7 and ustar can not hold a name that long
	rm -r t/runtime_1.0_amd64/doc/long
	jq '.files |= map(select(.path | contains("long/") | not))' \
	    t/runtime_1.0_amd64/manifest.json > m
	cp m t/runtime_1.0_amd64/manifest.json
	for f in ustar v7; do
		tar --format=$f -C t -czf a.tar.gz runtime_1.0_amd64
		sound a.tar.gz
	done
}

@test "rb-verify: what bsdtar writes is accepted" {
	needs bsdtar
	honest t
	for f in pax paxr gnutar; do
		bsdtar --format "$f" -C t -czf a.tar.gz runtime_1.0_amd64
		sound a.tar.gz
		bsdtar --format "$f" -C t -czf a.tar.gz .
		sound a.tar.gz
	done
}

@test "rb-verify: what Python's tarfile writes is accepted" {
	honest t
	cat > pack.py <<'PY'
import sys, tarfile
fmt = {'gnu': tarfile.GNU_FORMAT, 'pax': tarfile.PAX_FORMAT}[sys.argv[1]]
with tarfile.open(sys.argv[2], 'w:gz', format=fmt) as t:
    t.add('t/runtime_1.0_amd64', 'runtime_1.0_amd64')
PY
	for f in gnu pax; do
		LC_ALL=C.UTF-8 $python pack.py $f a.tar.gz
		sound a.tar.gz
		is 14 "$(field .bundle.files)"
	done
}

@test "rb-verify: what git archive writes is accepted" {
	needs git
	honest t
	git -C t/runtime_1.0_amd64 init -q .
	git -C t/runtime_1.0_amd64 add .
	git -C t/runtime_1.0_amd64 -c user.name=me -c user.email=me@example.org \
	    commit -q -m bundle
	git -C t/runtime_1.0_amd64 archive --prefix=runtime_1.0_amd64/ HEAD |
	    gzip > a.tar.gz
	sound a.tar.gz
	is 14 "$(field .bundle.files)"
}

@test "rb-verify: what Go's archive/tar writes is accepted" {
	needs go
	honest t
	mkdir pack
	cat > pack/main.go <<'GO'
package main

import (
	"archive/tar"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
)

func main() {
	out, _ := os.Create(os.Args[1])
	z := gzip.NewWriter(out)
	w := tar.NewWriter(z)
	err := filepath.Walk(os.Args[2], func(p string, i os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		link := ""
		if i.Mode()&os.ModeSymlink != 0 {
			link, _ = os.Readlink(p)
		}
		h, err := tar.FileInfoHeader(i, link)
		if err != nil {
			return err
		}
		h.Name = p
		if os.Args[3] == "pax" {
			h.Format = tar.FormatPAX
		}
		if err := w.WriteHeader(h); err != nil || !i.Mode().IsRegular() {
			return err
		}
		f, err := os.Open(p)
		if err == nil {
			_, err = io.Copy(w, f)
		}
		return err
	})
	if err != nil {
		panic(err)
	}
	w.Close()
	z.Close()
	out.Close()
}
GO
	(cd pack && go mod init pack 2> /dev/null && CGO_ENABLED=0 go build -o ../packer .) ||
	    skip "go can not build here"
	cd t
	for f in auto pax; do
		../packer ../a.tar.gz runtime_1.0_amd64 $f
		(cd .. && sound a.tar.gz)
	done
}

@test "rb-verify: directories may come later, or be missing" {
	bundle a.tar.gz amd64 -t 'entries.reverse()'
	sound a.tar.gz
	bundle a.tar.gz amd64 -t 'entries[:] = [e for e in entries if e.type != "5"]'
	sound a.tar.gz
	bundle a.tar.gz amd64 -t 'for e in entries: e.name = "./" + e.name
entries.insert(0, E("./", type="5"))'
	sound a.tar.gz
	bundle a.tar.gz amd64 -t 'for e in entries:
	if e.type == "5": e.name += "/"'
	sound a.tar.gz
}

@test "rb-verify: pax and GNU records that mean one thing are read" {
	bundle a.tar.gz amd64 -t "e = get('$toolkit'); e.pre = pax({'path': e.name, 'size': len(e.data)}); e.name = 'x'"
	sound a.tar.gz
	bundle a.tar.gz amd64 -t "e = get('$toolkit'); e.pre = gnu('L', e.name); e.name = e.name[:20]"
	sound a.tar.gz
	bundle a.tar.gz amd64 -t "e = get('${so%.17.8}'); e.pre = pax({'linkpath': e.link}); e.link = 'x'"
	sound a.tar.gz
	bundle a.tar.gz amd64 -t "e = get('${so%.17.8}'); e.pre = gnu('K', e.link); e.link = 'x'"
	sound a.tar.gz
	bundle a.tar.gz amd64 -t "entries[0].pre = pax({'comment': 'f' * 40}, 'g')"
	sound a.tar.gz
	bundle a.tar.gz amd64 -t "e = get('$toolkit'); e.over = {124: b'\\x80' + bytes(3) + struct.pack('>Q', len(e.data))}"
	sound a.tar.gz
}

@test "rb-verify: zstd, xz and plain tar are read, told by content" {
	needs zstd
	for how in zstd xz none; do
		bundle a.tar.gz amd64 -c $how
		sound a.tar.gz
	done
	# several frames or streams of one tar
	bundle a.tar amd64 -c none
	head -c 3000 a.tar > x
	tail -c +3001 a.tar > y
	(zstd -cq x && zstd -cq y) > a.tar.gz
	sound a.tar.gz
	needs xz
	(xz -c x && xz -c y) > a.tar.gz
	sound a.tar.gz
	(gzip -c x && gzip -c y) > a.tar.gz
	tool 1 rb-verify a.tar.gz
	# zero blocks inside of the stream
	bundle a.tar.gz amd64 -s 'tar += bytes(1 << 20)'
	sound a.tar.gz
	bundle a.tar.gz amd64 -c none -s 'tar += bytes(10240)'
	sound a.tar.gz
}

@test "rb-verify: a gzip header with a name, a time and a comment is read" {
	bundle a.tar amd64 -c none
	touch -d @1000000000 a.tar
	gzip -9 a.tar
	sound a.tar.gz
	bundle a.tar.gz amd64 -z 'out = out[:3] + b"\x1e" + out[4:10] + b"\4\0abcd" + b"name\0comment\0" + out[10:]
crc = zlib.crc32(out[:29])
out = out[:29] + struct.pack("<H", crc & 0xffff) + out[29:]'
	sound a.tar.gz
}

@test "rb-verify: case twins, spaces, quotes and UTF-8 are data" {
	bundle a.tar.gz amd64 -e '
for n in ("README", "readme", "a b", "it'"'"'s", "\"q\"", "\\", "%s", "$(x)",
          "\u00e9", "e\u0301", "\u4e2d", "-rf", "*", "a:b"):
	add("doc/" + n, b"x")'
	sound --list l a.tar.gz
	is 22 "$(field .bundle.files)"
	grep -qF 'doc/$(x)"' l
}

@test "rb-verify: a FIFO can stand for the tarball" {
	bundle a.tar.gz
	mkfifo f
	cat a.tar.gz > f &
	tool 0 rb-verify f
	wait
}

@test "rb-verify: unknown fields of a manifest are ignored" {
	bundle a.tar.gz amd64 -m "m['x'] = {'files': [1], 'y': None}
m['components']['other'] = {'version': '1', 'commit': '2', 'z': 1}
m['components']['odd'] = 7
listed('$toolkit')['mode'] = '0755'; listed('$toolkit')['x'] = {'path': '..'}
listed('${so%.17.8}').update(sha256='no', size=-1)
listed('$toolkit')['target'] = 7"
	sound a.tar.gz
	is '["nvidia_container_toolkit","libnvidia_container","other"]' \
	    "$(field '.bundle.components | keys_unsorted | tojson')"
}

# Contracts.

@test "rb-verify: --print-contract is a contract file, and the same contract" {
	tool 0 rb-verify --print-contract
	cp out c.json
	jq -e '.name == "openshell-gpu"' c.json
	bundle a.tar.gz
	sound a.tar.gz
	field .bundle.contract > want
	tool 0 rb-verify --contract c.json a.tar.gz
	field .bundle.contract | diff want -
	tool 0 rb-verify --contract c.json --print-contract
	diff c.json out
	jq -c . c.json > compact.json
	tool 0 rb-verify --contract compact.json a.tar.gz
	field .bundle.contract | diff want -
}

@test "rb-verify: --contract and SLIPWAY_CONTRACT name another contract" {
	echo '{"name":"mine","components":["ctk"],"required":["bin/x"]}' > c.json
	bundle a.tar.gz amd64 -e 'entries[:] = [E(path("bin/x"), b"x")]' \
	    -m 'm["components"] = {"ctk": {"version": "1", "commit": "2"}}'
	tool 0 rb-verify --contract c.json a.tar.gz
	is mine "$(field .bundle.contract.name)"
	SLIPWAY_CONTRACT=c.json tool 0 rb-verify a.tar.gz
	is mine "$(field .bundle.contract.name)"
	bundle b.tar.gz
	rb-verify --print-contract > default.json
	SLIPWAY_CONTRACT=c.json tool 0 rb-verify --contract default.json b.tar.gz
	is openshell-gpu "$(field .bundle.contract.name)"
	refused manifest_field_missing \
	    'missing required manifest field: components.ctk' \
	    rb-verify --contract c.json b.tar.gz
}

@test "rb-verify: a contract file that is none is malformed input" {
	bundle a.tar.gz
	for c in '{}' '[]' '{"name":1}' '{"name":""}' '{"name":"x","file":[]}' \
	    '{"name":"x","files":"a"}' '{"name":"x","files":[1]}' \
	    '{"name":"x","files":[""]}' '{"name":"x","files":["/a"]}' \
	    '{"name":"x","files":{"a":"b"}}' '{"name":"x","name":"y"}' '{' '' \
	    '{"name":"x","required":["a/../b"]}' '{"name":"x","files":["a/"]}'; do
		echo "$c" > c.json
		tool 2 rb-verify --contract c.json a.tar.gz
		[ ! -s out ]
		grep -q "invalid contract 'c.json'" err
	done
	tool 1 rb-verify --contract gone.json a.tar.gz
	grep -q 'no such file: gone.json' err
}

@test "rb-verify: a record that was judged by another contract is refused" {
	bundle a.tar.gz
	tool 0 rb-verify a.tar.gz
	cp out in
	tool 0 rb-verify < in
	echo '{"name":"mine"}' > c.json
	refused contract_mismatch \
	    "contract mismatch: the record was verified by another contract than 'mine'" \
	    rb-verify --contract c.json < in
}

@test "rb-verify: what the record says of the bundle must hold" {
	bundle a.tar.gz
	tool 0 rb-verify a.tar.gz
	cp out good
	tool 0 rb-verify < good
	for f in dir name version created_at manifest_sha256; do
		jq -c ".bundle.$f = \"other\"" good > in
		refused bundle_mismatch \
		    "bundle mismatch: $f is not the record's" rb-verify < in
		is other "$(field .error.expected)"
	done
	for f in files bytes; do
		jq -c ".bundle.$f += 1" good > in
		refused bundle_mismatch \
		    "bundle mismatch: $f is not the record's" rb-verify < in
	done
	jq -c 'del(.arch) | .bundle.architecture = "arm64"' good > in
	refused bundle_mismatch \
	    'bundle mismatch: architecture is not the record'"'"'s' rb-verify < in
}

# Options.

@test "rb-verify: --all-errors gives every refusal, 100 at most" {
	bundle bad.tar.gz amd64 -m "
m['files'].insert(0, dict(listed('$toolkit'), path='gone'))
listed('$so')['sha256'] = '0' * 64; listed('$config')['size'] += 1" \
	    -t 'add("extra", b"x")'
	refused payload_missing 'missing manifest-listed payload path: gone' \
	    rb-verify --all-errors bad.tar.gz
	is '["payload_missing","size_mismatch","checksum_mismatch","payload_unlisted"]' \
	    "$(field '[.error.all[].code] | tojson')"
	is null "$(field .error.omitted)"
	bundle bad.tar.gz amd64 -t 'for i in range(150): add("x%03d" % i, b"")'
	refused payload_unlisted \
	    'unlisted payload path present on disk: x000' \
	    rb-verify --all-errors bad.tar.gz
	is 100 "$(field '.error.all | length')"
	is 50 "$(field .error.omitted)"
	bundle bad.tar.gz amd64 -m 'for f in m["files"]: f.pop("sha256", 0); f.pop("target", 0)'
	tool 1 rb-verify --all-errors bad.tar.gz
	is 7 "$(field '.error.all | length')"
	bundle bad.tar.gz amd64 -m 'm.clear()'
	tool 1 rb-verify --all-errors bad.tar.gz
	is '["schema_version","bundle_name","bundle_version","architecture","created_at","components","files"]' \
	    "$(field '[.error.all[] | select(.code == "manifest_field_missing") | .path] | tojson')"
	tool 1 rb-verify --all-errors gone.tar.gz
	is tarball_not_found "$(field .error.code)"
}

@test "rb-verify: --all-errors goes on behind unsafe entries" {
	bundle bad.tar.gz amd64 -t 'add("f", type="6"); add("../x", b"x")
get("'"$toolkit"'").mode = 0o4755; add("usr", type="5")'
	tool 1 rb-verify --all-errors bad.tar.gz
	is 4 "$(field '.error.all | length')"
	is '["unsafe_entry"]' "$(field '[.error.all[].code] | unique | tojson')"
	bundle bad.tar.gz amd64 -t 'for i in range(250): add("f%03d" % i, type="6")'
	tool 1 rb-verify --all-errors bad.tar.gz
	is '100 150' "$(field '.error | "\(.all | length) \(.omitted)"')"
	is "unsafe archive entry: runtime_1.0_amd64/f099: a FIFO" \
	    "$(field '.error.all[99].message')"
}

@test "rb-verify: --list writes every entry, in the archive's order" {
	bundle a.tar.gz
	# the manifest is read before the headers behind it are
	bundle b.tar.gz arm64 -m 'm["files"].reverse()' -t 'entries[2:2] = [
    E(path("pad%d" % i), type="5") for i in range(300)]'
	for j in 1 8; do
		tool 0 rb-verify -j $j --list l a.tar.gz b.tar.gz
		for f in a b; do
			jq -r --arg t "$PWD/$f.tar.gz" \
			    'select(.tarball == $t) | .path' l > got
			tar -tzf $f.tar.gz | sed 's|/$||' | diff - got
		done
		is "$PWD/a.tar.gz" "$(head -1 l | jq -r .tarball)"
	done
	jq -c --arg p "runtime_1.0_amd64/$toolkit" 'select(.path == $p) |
	    [.entry_type, .mode, .size, .sha256, .listed]' l > got
	is "[\"file\",\"0755\",74,\"$(tar -xOzf a.tar.gz "runtime_1.0_amd64/$toolkit" |
	    sha256sum | cut -c1-64)\",true]" "$(cat got)"
	jq -e 'select(.entry_type == "symlink" and .target == "libnvidia-container.so.1.17.8")' \
	    l > /dev/null
	is false "$(jq -r 'select(.path == "runtime_1.0_amd64/manifest.json") | .listed' l)"
}

@test "rb-verify: --list of a refused bundle has what was read" {
	bundle bad.tar.gz amd64 -t 'add("extra", b"x"); add("f", type="6")'
	tool 1 rb-verify --list l bad.tar.gz
	is runtime_1.0_amd64/extra "$(tail -1 l | jq -r .path)"
	bundle bad.tar.gz amd64 -t "get('$toolkit').data += b'!'; get('$toolkit').size += 1"
	tool 1 rb-verify --list l bad.tar.gz
	is "$(tar -xOzf bad.tar.gz "runtime_1.0_amd64/$toolkit" | sha256sum |
	    cut -c1-64)" "$(jq -r 'select(.path | endswith("nvidia-ctk")) | .sha256' l)"
	# no digest is given for a body that was not read to its end
	bundle bad.tar.gz amd64 -s 'tar = tar[:-1600]'
	tool 1 rb-verify --list l bad.tar.gz
	is "$(grep -c '"entry_type":"file"' l)" \
	    "$(($(grep -c '"sha256"' l) + 1))"
	is 0 "$(grep -c 0000000000 l || :)"
	tool 3 rb-verify --list no/dir/l bad.tar.gz
}

@test "rb-verify: many bundles at once, in their order" {
	bundle a.tar.gz
	bundle b.tar.gz amd64 -m 'text = b"{"'
	for i in $(seq 50); do
		echo "{\"n\":$i,\"tarball\":\"$([ $((i % 7)) = 0 ] && echo b || echo a).tar.gz\"}"
	done > in
	tool 1 rb-verify -j 8 < in
	seq 50 | diff - <(jq .n out)
	is 7 "$(grep -c manifest_malformed out)"
	tool 1 rb-verify --gate < in
	is 43 "$(grep -c held_back out)"
}

@test "rb-verify: a full disk behind stdout is noticed" {
	bundle a.tar.gz
	tool 3 sh -c 'rb-verify a.tar.gz > /dev/full'
	grep -q 'No space left on device' err
	tool 3 rb-verify --list /dev/full/x a.tar.gz
}

@test "rb-verify: a file that may not be read is a failure of the system" {
	bundle a.tar.gz
	chmod 0 a.tar.gz
	needs setpriv
	tool 3 as_user rb-verify a.tar.gz
	is system "$(field .error.kind)"
}

@test "rb-verify: hostile names do not reach a terminal" {
	bundle bad.tar.gz amd64 -m 'text = json.dumps(m).replace("usr/bin/nvidia-ctk", "x\\u001b[31m\\n::error::").encode()'
	GITHUB_ACTIONS=true tool 1 rb-verify bad.tar.gz
	is 0 "$(LC_ALL=C grep -c $'\033' err || :)"
	is path_invalid "$(field .error.code)"
	is 2 "$(wc -l < err)"
}

@test "rb-verify: names that collide in a hash table take no time" {
	bundle a.tar.gz amd64 -m 'm["x"] = 1' -e '
import itertools
n = 0
for t in itertools.product(("ab", "ba"), repeat=14):
	add("d/" + "".join(t), b""); n += 1
	if n == 10000: break'
	tool 0 timeout 10 rb-verify a.tar.gz
}
