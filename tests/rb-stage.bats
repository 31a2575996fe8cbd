# rb-stage.bats - a verified tree is there as a whole, or not at all.

load helpers
load bundle

toolkit=usr/bin/nvidia-ctk

local_setup() {
	export SLIPWAY_TEST_ROOT=$PWD
}

local_teardown() {
	local m

	for m in disk merged; do
		if mountpoint -q "$SLIPWAY_TEST_ROOT/$m" 2> /dev/null; then
			umount "$SLIPWAY_TEST_ROOT/$m"
		fi
	done
}

# nothing_left ROOT: no litter in the staging root.
nothing_left() {
	is '' "$(find "$1" -mindepth 1 -maxdepth 1 ! -name amd64 ! -name arm64 \
	    ! -name .amd64.stamp ! -name .arm64.stamp)"
}

# old_and_new: bundles old.tar.gz and new.tar.gz that differ in every file, and
# their trees as old.tree and new.tree.
old_and_new() {
	local v

	bundle old.tar.gz amd64 -e 'add("v", b"old")'
	bundle new.tar.gz amd64 -e '
top = "runtime_1.0_amd64"
for e in entries:
	if e.type == "0": e.data += b" new"; e.size = len(e.data)
add("v", b"new"); add("more", b"x")'
	for v in old new; do
		mkdir "$v.dir"
		tar -xzf $v.tar.gz -C $v.dir
		tree $v.dir > $v.tree
	done
}

# whole ROOT: its amd64 tree is that of old, of new, or none.
whole() {
	[ -e "$1/amd64" ] || return 0
	tree "$1/amd64" > now.tree
	cmp -s old.tree now.tree || cmp -s new.tree now.tree || {
		cat now.tree
		return 1
	}
}

@test "rb-stage: both trees stand below the root, as the archives give them" {
	bundle a.tar.gz amd64 -e "get('$toolkit').mode = 0o750
add('ro', b'x', mode=0o444); add('secret', b'x', mode=0o400); add('none', b'', mode=0)
add('d', type='5', mode=0o700); add('d/x', b'x'); add('r', type='5', mode=0o555)
add('r/x', b'x'); add('implied/deep/x', b'x', mode=0o666)
add('dangling', type='2', link='nothing')"
	bundle b.tar.gz arm64
	umask 077
	tool 0 rb-stage --root stage a.tar.gz b.tar.gz
	umask 022
	[ ! -s err ]
	dir=stage/amd64/runtime_1.0_amd64
	is "$PWD/$dir" "$(jq -rs '.[0].staged' out)"
	is "$PWD/stage/arm64/runtime_1.0_arm64" "$(jq -rs '.[1].staged' out)"
	is '{"files":15,"bytes":'"$(jq -s '.[0].bundle.bytes' out)"',"unchanged":false}' \
	    "$(jq -cs '.[0].stage' out)"
	is '["sha256","size"]' "$(jq -cs '.[0] | [keys_unsorted[] | select(. == "sha256" or . == "size")]' out)"
	mkdir t
	tar -xpzf a.tar.gz -C t
	tree t/runtime_1.0_amd64 > want
	tree $dir | diff want -
	is 755 "$(stat -c %a $dir/implied/deep)"
	is 700 "$(stat -c %a stage/amd64)"
	# every file but the manifest is one that it lists
	is "$(jq '.files | length' $dir/manifest.json)" \
	    "$(find $dir ! -type d ! -name manifest.json | wc -l)"
	[ -z "$(find stage ! -user "$(id -un)")" ]
	nothing_left stage
}

@test "rb-stage: the default root is the one that the build reads" {
	bundle a.tar.gz
	tool 0 rb-stage a.tar.gz
	[ -e deploy/docker/.build/runtime-bundle/amd64/runtime_1.0_amd64/$toolkit ]
}

@test "rb-stage: it takes what rb-verify passes on, and binds it to that" {
	bundle a.tar.gz
	rb-verify --arch amd64 a.tar.gz > in
	tool 0 rb-stage --root stage < in
	is "$(jq -c .bundle in)" "$(jq -c .bundle out)"
	cp out again
	tool 0 rb-stage --root stage < again
	# another tarball took its place
	bundle b.tar.gz amd64 -e 'add("more", b"x")'
	mv b.tar.gz a.tar.gz
	tool 1 rb-stage --root stage < in
	case $(field .error.code) in
	tarball_size_mismatch | tarball_checksum_mismatch) ;;
	*) false ;;
	esac
	[ ! -e stage/amd64 ]
}

@test "rb-stage: what is staged already is noticed, in milliseconds" {
	bundle a.tar.gz
	bundle b.tar.gz arm64
	tool 0 rb-stage --root stage a.tar.gz b.tar.gz
	find stage -printf '%p %i %T@ %C@\n' > before
	tool 0 rb-stage --root stage a.tar.gz b.tar.gz
	is '[true,true]' "$(jq -cs 'map(.stage.unchanged)' out)"
	find stage -printf '%p %i %T@ %C@\n' | diff before -
	jq -e '.trace[0].cached and .trace[0].seconds < 0.5' out
	# also where the record knows no arch, or expects what was found
	jq -c 'del(.trace)' out > in
	tool 0 rb-stage --root stage < in
	is '[true,true]' "$(jq -cs 'map(.stage.unchanged)' out)"
	jq -c '.bundle.name = "other"' in > bad
	tool 1 rb-stage --root stage < bad
	is '["bundle_mismatch"]' "$(jq -cs 'map(.error.code) | unique' out)"
}

# edited WHAT: after the edit, staging again is no `unchanged` and mends it.
edited() {
	tool 0 rb-stage --root stage a.tar.gz
	tree stage/amd64 > want
	sh -c "$1"
	tool 0 rb-stage --root stage a.tar.gz
	printf '%s\n' "$1"
	is false "$(field .stage.unchanged)"
	tree stage/amd64 | diff want -
	nothing_left stage
	tool 0 rb-stage --root stage a.tar.gz
	is true "$(field .stage.unchanged)"
}

@test "rb-stage: an edited tree is noticed and mended" {
	bundle a.tar.gz
	t=stage/amd64/runtime_1.0_amd64
	edited "echo x >> $t/$toolkit"
	edited "printf x > $t/usr/bin/new"
	edited "printf x > stage/amd64/new"
	edited "mkdir $t/empty"
	edited "rm $t/$toolkit"
	edited "chmod 700 $t/$toolkit"
	edited "chmod 700 $t/usr"
	edited "ln -sfn other $t/usr/lib/x86_64-linux-gnu/libnvidia-container.so.1"
	edited "mv $t/$toolkit x && ln -s ../../x $t/$toolkit"
	edited "rm -r $t"
	edited "rm -r stage/amd64"
	edited "mv $t ${t}x"
	edited "cp $t/$toolkit x && mv x $t/$toolkit"
	# size and mtime are what they were
	edited "touch -r $t/$toolkit ref; dd if=/dev/zero of=$t/$toolkit bs=1 count=3 conv=notrunc status=none; touch -r ref $t/$toolkit"
	edited "rm stage/.amd64.stamp"
	edited "echo garbage > stage/.amd64.stamp"
	edited ": > stage/.amd64.stamp"
}

@test "rb-stage: an edited tarball is noticed, size and time kept" {
	bundle a.tar.gz amd64 -c none
	tool 0 rb-stage --root stage a.tar.gz
	touch -r a.tar.gz ref
	printf x | dd of=a.tar.gz bs=1 seek=5 conv=notrunc status=none
	touch -r ref a.tar.gz
	tool 1 rb-stage --root stage a.tar.gz
	[ "$(field .error.code)" = archive_damaged ]
}

@test "rb-stage: another contract or limit proves nothing" {
	bundle a.tar.gz
	tool 0 rb-stage --root stage a.tar.gz
	echo '{"name":"mine"}' > c.json
	tool 0 rb-stage --contract c.json --root stage a.tar.gz
	is 'false mine' "$(field '"\(.stage.unchanged) \(.bundle.contract.name)"')"
	SLIPWAY_CONTRACT=c.json tool 0 rb-stage --root stage a.tar.gz
	is true "$(field .stage.unchanged)"
	tool 1 rb-stage --contract c.json --max-bytes 100 --root stage \
	    --arch amd64 a.tar.gz
	is too_large "$(field .error.code)"
	[ ! -e stage/amd64 ]
	rb-verify a.tar.gz > in
	refused contract_mismatch \
	    "contract mismatch: the record was verified by another contract than 'mine'" \
	    rb-stage --contract c.json --root stage < in
}

@test "rb-stage: a refused bundle takes the stale tree and stamp with it" {
	bundle a.tar.gz
	bundle bad.tar.gz amd64 -t "get('$toolkit').data = bytes(74)"
	bundle b.tar.gz arm64
	tool 0 rb-stage --root stage a.tar.gz b.tar.gz
	refused checksum_mismatch "checksum mismatch: $toolkit" \
	    rb-stage --root stage bad.tar.gz
	is null "$(field .staged)"
	is '.arm64.stamp arm64' "$(ls -A stage | LC_ALL=C sort | xargs)"
	for f in gone.tar.gz b.tar.gz; do
		tool 0 rb-stage --root stage a.tar.gz
		tool 1 rb-stage --root stage --arch amd64 $f
		is '.arm64.stamp arm64' "$(ls -A stage | LC_ALL=C sort | xargs)"
	done
	# the arch that a damaged archive's manifest names is enough
	tool 0 rb-stage --root stage a.tar.gz
	bundle cut.tar.gz amd64 -s 'tar = tar[:-2048]'
	tool 1 rb-stage --root stage cut.tar.gz
	[ ! -e stage/amd64 ]
	nothing_left stage
}

@test "rb-stage: --keep-stale leaves the earlier tree" {
	bundle a.tar.gz
	bundle bad.tar.gz amd64 -m 'text = b"{"'
	tool 0 rb-stage --root stage a.tar.gz
	tree stage/amd64 > want
	tool 1 rb-stage --keep-stale --root stage --arch amd64 bad.tar.gz
	tree stage/amd64 | diff want -
	tool 0 rb-stage --root stage a.tar.gz
	is true "$(field .stage.unchanged)"
	echo '{"arch":"amd64","error":{"kind":"check","code":"x","message":"y"}}' > in
	tool 1 rb-stage --keep-stale --root stage < in
	echo '{"arch":"amd64"}' > in
	tool 2 rb-stage --keep-stale --root stage < in
	tree stage/amd64 | diff want -
	nothing_left stage
}

@test "rb-stage: a record that arrives failed removes its arch's tree" {
	bundle a.tar.gz
	for kind in check input; do
		status=1
		[ $kind = check ] || status=2
		tool 0 rb-stage --root stage a.tar.gz
		echo '{"arch":"amd64","error":{"tool":"x","kind":"'$kind'","code":"held_back","message":"m"}}' > in
		tool $status rb-stage --root stage < in
		diff in out
		is '' "$(ls -A stage)"
	done
	tool 0 rb-stage --root stage a.tar.gz
	echo '{"arch":"amd64","error":{"tool":"x","kind":"system","code":"timeout","message":"m"}}' > in
	tool 3 rb-stage --root stage < in
	[ -e stage/amd64 ]
	echo '{"error":{"tool":"x","kind":"check","code":"x","message":"m"}}' > in
	tool 1 rb-stage --root stage < in
	echo '{"arch":"../amd64","error":{"tool":"x","kind":"check","code":"x","message":"m"}}' > in
	tool 1 rb-stage --root stage < in
	[ -e stage/amd64 ]
	# so does one that is malformed
	echo '{"arch":"amd64","tarball":7}' > in
	tool 2 rb-stage --root stage < in
	[ ! -e stage/amd64 ]
}

@test "rb-stage: a failure of the system removes nothing" {
	bundle a.tar.gz
	tool 0 rb-stage --root stage a.tar.gz
	tree stage/amd64 > want
	needs strace
	strace -o /dev/null -e trace=write -e inject=fsync:error=EIO \
	    rb-stage --root stage a.tar.gz > /dev/null 2>&1 ||
	    skip "strace can not inject faults here"
	bundle b.tar.gz amd64 -e 'add("more", b"x")'
	for call in \
	    fsync:error=EIO mkdirat:error=ENOSPC fchmod:error=EIO \
	    renameat2:error=EIO symlinkat:error=EACCES; do
		got=0
		SLIPWAY_SANDBOX=off strace -f -o /dev/null \
		    -e inject=$call rb-stage --root stage b.tar.gz > out 2> err ||
		    got=$?
		echo "$call -> $got"
		cat err
		is 3 $got
		tree stage/amd64 | diff want -
	done
	tool 0 rb-stage --root stage a.tar.gz
	nothing_left stage
}

@test "rb-stage: of two records for one arch the first stands" {
	bundle a.tar.gz
	bundle b.tar.gz amd64 -e 'add("more", b"x")'
	bundle bad.tar.gz amd64 -m 'text = b"{"'
	for arch in '"arch":"amd64",' ''; do
		for j in 1 8; do
			rm -rf stage
			printf '{%s"tarball":"%s.tar.gz"}\n' "$arch" a "$arch" b > in
			tool 2 rb-stage -j $j --root stage < in
			is '[null,"destination_conflict"]' \
			    "$(jq -cs 'map(.error.code)' out)"
			[ ! -e stage/amd64/runtime_1.0_amd64/more ]
			# again, with a tree that is proved
			tool 2 rb-stage -j $j --root stage < in
			is true "$(jq -s '.[0].stage.unchanged' out)"
		done
	done
	printf '{"arch":"amd64","tarball":"%s.tar.gz"}\n' a bad > in
	tool 1 rb-stage --root stage < in
	[ -e stage/amd64 ]
	printf '{"arch":"amd64","tarball":"%s.tar.gz"}\n' bad a > in
	for j in 1 8; do
		tool 1 rb-stage -j $j --root stage < in
		[ -e "$(jq -rs '.[1].staged' out)/manifest.json" ]
	done
	echo '{"arch":"amd64","error":{"kind":"check","code":"x","message":"y"}}' > failed
	echo '{"arch":"amd64","tarball":"a.tar.gz"}' > good
	for order in 'failed good' 'good failed'; do
		for j in 1 8; do
			# shellcheck disable=SC2086
			cat $order > in
			tool 1 rb-stage -j $j --root stage < in
			[ -e stage/amd64/runtime_1.0_amd64/manifest.json ]
		done
	done
	nothing_left stage
}

@test "rb-stage: what is no directory at the place is not touched" {
	bundle a.tar.gz
	mkdir stage elsewhere
	: > elsewhere/keep
	ln -s ../elsewhere stage/amd64
	tool 1 rb-stage --root stage a.tar.gz
	is staging_blocked "$(field .error.code)"
	[ -L stage/amd64 ]
	[ -e elsewhere/keep ]
	is 1 "$(ls elsewhere | wc -l)"
	rm stage/amd64
	echo data > stage/amd64
	tool 1 rb-stage --root stage a.tar.gz
	is data "$(cat stage/amd64)"
	nothing_left stage
}

@test "rb-stage: a directory that somebody made at the place is replaced" {
	bundle a.tar.gz
	mkdir -p stage/amd64/x/y
	chmod 0 stage/amd64/x/y
	tool 0 rb-stage --root stage a.tar.gz
	is runtime_1.0_amd64 "$(ls stage/amd64)"
	nothing_left stage
}

@test "rb-stage: a root that can not be made is a failure of the system" {
	bundle a.tar.gz
	: > file
	tool 3 rb-stage --root file/stage a.tar.gz
	tool 3 rb-stage --root file a.tar.gz
	tool 0 rb-stage --root a/deep/root a.tar.gz
}

@test "rb-stage: a name that the file system can not hold is a definite no" {
	bundle a.tar.gz
	tool 0 rb-stage --root stage a.tar.gz
	bundle long.tar.gz amd64 -e 'add("n" * 300, b"x")' -t '
e = entries[-1]; e.pre = pax({"path": e.name}); e.name = "short"'
	tool 0 rb-verify long.tar.gz
	tool 1 rb-stage --root stage --arch amd64 long.tar.gz
	is name_too_long "$(field .error.code)"
	is '' "$(ls -A stage)"
}

@test "rb-stage: --all-errors and the refusals are those of rb-verify" {
	bundle bad.tar.gz amd64 -t "add('x', b''); add('y', b''); get('$toolkit').data = bytes(74)"
	tool 1 rb-verify --all-errors bad.tar.gz
	jq -c '.error | del(.tool)' out > want
	tool 1 rb-stage --all-errors --root stage bad.tar.gz
	jq -c '.error | del(.tool)' out | diff want -
	is '' "$(ls -A stage)"
}

@test "rb-stage: zstd, xz, plain tar and a FIFO are staged" {
	needs zstd
	for how in zstd xz none; do
		bundle a.tar amd64 -c $how
		tool 0 rb-stage --root stage a.tar
		is false "$(field .stage.unchanged)"
	done
	mkfifo f
	cat a.tar > f &
	tool 0 rb-stage --root stage f
	wait
	cat a.tar > f &
	tool 0 rb-stage --root stage f
	wait
	is false "$(field .stage.unchanged)"
}

@test "rb-stage: killed at any instant, the tree is old, new or none" {
	old_and_new
	cat > kill.py <<'PY'
import os, random, signal, subprocess, sys, time
random.seed(7)
null = open(os.devnull, 'w')
def run(tarball, after=None):
    start = time.monotonic()
    p = subprocess.Popen(['rb-stage', '--root', 'stage', tarball], stdout=null)
    if after is None:
        p.wait()
        return time.monotonic() - start
    time.sleep(after)
    p.send_signal(signal.SIGKILL)
    p.wait()
def look():
    got = {}
    for d, dirs, files in os.walk('stage/amd64'):
        for f in files:
            p = os.path.join(d, f)
            got[p] = os.readlink(p) if os.path.islink(p) else open(p, 'rb').read()
    return got
run('old.tar.gz'); old = look()
run('new.tar.gz'); new = look()
assert old and new and old != new
whole = max(min(run('old.tar.gz'), run('new.tar.gz')), 0.01)
seen = {'old': 0, 'new': 0, 'none': 0}
for i in range(int(sys.argv[1])):
    run(('old.tar.gz', 'new.tar.gz')[i % 2], random.random() * whole * 1.2)
    tree = look()
    what = 'old' if tree == old else 'new' if tree == new else \
        'none' if not tree else 'mixture'
    assert what != 'mixture', (i, tree.keys())
    seen[what] += 1
print(seen)
PY
	$python kill.py 200
	tool 0 rb-stage --root stage new.tar.gz
	tree stage/amd64 | diff new.tree -
	nothing_left stage
}

@test "rb-stage: killed at each call that changes the disk, likewise" {
	needs strace
	old_and_new
	rb-stage --root stage old.tar.gz > out
	calls=renameat2,renameat,unlinkat,mkdirat,fsync,fchmod,symlinkat,flock,write
	SLIPWAY_SANDBOX=off strace -f -e trace=$calls -o log \
	    rb-stage --root stage new.tar.gz > out || skip "strace can not trace here"
	for call in renameat2 unlinkat mkdirat fsync fchmod symlinkat flock write; do
		n=$(grep -c "[ 0-9]$call(" log || :)
		for ((i = 1; i <= n; i += n / 12 + 1)); do
			rm -rf stage
			rb-stage --root stage old.tar.gz > out
			SLIPWAY_SANDBOX=off strace -f -o /dev/null \
			    -e inject=$call:signal=KILL:when=$i \
			    rb-stage --root stage new.tar.gz > out 2> err || :
			whole stage
			tool 0 rb-stage --root stage new.tar.gz
			tree stage/amd64 | diff new.tree -
			nothing_left stage
		done
	done
}

@test "rb-stage: readers under the lock never see a mixture or a hole" {
	old_and_new
	cat > read.py <<'PY'
import fcntl, os, subprocess, sys, time
def walk(fd, path=''):
    got = {}
    for name in os.listdir(fd):
        st = os.stat(name, dir_fd=fd, follow_symlinks=False)
        p = path + '/' + name
        if os.path.stat.S_ISDIR(st.st_mode):
            sub = os.open(name, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
            got.update(walk(sub, p))
            os.close(sub)
        elif os.path.stat.S_ISLNK(st.st_mode):
            got[p] = os.readlink(name, dir_fd=fd)
        else:
            f = os.open(name, os.O_RDONLY, dir_fd=fd)
            got[p] = os.read(f, 1 << 20)
            os.close(f)
    return got
def read():
    # opened once, locked, and no second look: what the contract promises
    fd = os.open('stage/amd64', os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(fd, fcntl.LOCK_SH)
    tree = walk(fd)
    os.close(fd)
    return tree
if sys.argv[1] == 'good':
    trees = []
    for t in 'old', 'new':
        subprocess.run(['rb-stage', '--root', 'stage', t + '.tar.gz'],
                       check=True, stdout=subprocess.DEVNULL)
        trees.append(read())
    assert trees[0] and trees[0] != trees[1]
    readers = [subprocess.Popen([sys.executable, __file__, 'reader'],
                                stdout=subprocess.PIPE) for i in range(3)]
    end = time.monotonic() + float(sys.argv[2])
    n = 0
    while time.monotonic() < end:
        for t in 'old', 'new':
            subprocess.run(['rb-stage', '--root', 'stage', t + '.tar.gz'],
                           check=True, stdout=subprocess.DEVNULL)
            n += 1
    open('stop', 'w').close()
    reads = sum(int(r.communicate()[0]) for r in readers)
    assert all(r.returncode == 0 for r in readers)
    print(n, 'replacements,', reads, 'reads')
else:
    n = 0
    good = []
    while not os.path.exists('stop'):
        tree = read()
        if tree not in good:
            good.append(tree)
            v = tree.get('/runtime_1.0_amd64/v')
            assert v in (b'old', b'new'), (n, tree)
            assert len(tree) == (10 if v == b'old' else 11), (n, tree)
        n += 1
    assert len(good) <= 2, good
    print(n)
PY
	$python read.py good 5
	tool 0 rb-stage --root stage new.tar.gz
	nothing_left stage
}

@test "rb-stage: two stagers at once leave a whole tree" {
	old_and_new
	for i in 1 2 3 4 5 6; do
		rb-stage --root stage old.tar.gz > o1 2> e1 & p1=$!
		rb-stage --root stage new.tar.gz > o2 2> e2 & p2=$!
		rb-stage --root stage old.tar.gz > o3 2> e3 & p3=$!
		wait $p1
		wait $p2
		wait $p3
		cat e1 e2 e3
		[ -e stage/amd64 ]
		whole stage
	done
	tool 0 rb-stage --root stage new.tar.gz
	tree stage/amd64 | diff new.tree -
	nothing_left stage
}

@test "rb-stage: a reader's tree stays, and the next run deletes it" {
	needs flock
	old_and_new
	tool 0 rb-stage --root stage old.tar.gz
	flock -s stage/amd64 sleep 60 &
	reader=$!
	for i in $(seq 100); do
		flock -n -x stage/amd64 true || break
		sleep 0.05
	done
	tool 0 rb-stage --root stage new.tar.gz
	is 1 "$(find stage -maxdepth 1 -name '.stage-old-*' | wc -l)"
	tree stage/.stage-old-* | diff old.tree -
	kill "$(pgrep -P $reader sleep)" 2> /dev/null || kill $reader
	wait $reader || :
	tool 0 rb-stage --root stage new.tar.gz
	is true "$(field .stage.unchanged)"
	nothing_left stage
}

@test "rb-stage: a full disk leaves the earlier tree and nothing else" {
	needs_root
	mkdir disk
	mount -t tmpfs -o size=300k none disk || skip "no tmpfs can be mounted"
	old_and_new
	bundle big.tar.gz amd64 -e 'for i in range(60): add("big%d" % i, bytes(10000))'
	tool 3 rb-stage --root disk/stage big.tar.gz
	is no_space "$(field .error.code)"
	is '' "$(ls -A disk/stage)"
	tool 0 rb-stage --root disk/stage old.tar.gz
	tool 3 rb-stage --root disk/stage big.tar.gz
	is no_space "$(field .error.code)"
	tree disk/stage/amd64 | diff old.tree -
	nothing_left disk/stage
	tool 0 rb-stage --root disk/stage old.tar.gz
	is true "$(field .stage.unchanged)"
	# at every size of disk: a whole tree, and the status says which
	for kb in $(seq 20 4 120); do
		umount disk
		mount -t tmpfs -o size=${kb}k none disk
		got=0
		rb-stage --root disk/stage old.tar.gz > out 2> err || got=$?
		if [ $got -eq 0 ]; then
			tree disk/stage/amd64 | diff old.tree -
		else
			is 3 $got
			[ ! -e disk/stage/amd64 ]
		fi
		[ ! -d disk/stage ] || nothing_left disk/stage
	done
}

@test "rb-stage: on overlayfs the tree is whole too" {
	needs_root
	mkdir disk merged
	mount -t tmpfs none disk || skip "no tmpfs can be mounted"
	mkdir disk/lower disk/upper disk/work
	old_and_new
	rb-stage --root disk/lower/stage old.tar.gz > out
	mount -t overlay overlay \
	    -o lowerdir=disk/lower,upperdir=disk/upper,workdir=disk/work merged ||
	    skip "no overlayfs can be mounted"
	# the old tree is one of the lower layer
	tool 0 rb-stage --root merged/stage new.tar.gz
	tree merged/stage/amd64 | diff new.tree -
	for v in old new old; do
		tool 0 rb-stage --root merged/stage $v.tar.gz
		is false "$(field .stage.unchanged)"
		tree merged/stage/amd64 | diff $v.tree -
		tool 0 rb-stage --root merged/stage $v.tar.gz
		is true "$(field .stage.unchanged)"
		nothing_left merged/stage
	done
	bundle bad.tar.gz amd64 -m 'text = b"{"'
	tool 1 rb-stage --root merged/stage --arch amd64 bad.tar.gz
	is '' "$(ls -A merged/stage)"
	# a refused bundle removes a tree of the lower layer too
	umount merged
	rm -rf disk/upper disk/work
	mkdir disk/upper disk/work
	mount -t overlay overlay \
	    -o lowerdir=disk/lower,upperdir=disk/upper,workdir=disk/work merged
	tool 1 rb-stage --root merged/stage --arch amd64 bad.tar.gz
	is '' "$(ls -A merged/stage)"
}

@test "rb-stage: a file system that can not exchange names is served" {
	needs strace
	old_and_new
	for error in EINVAL ENOSYS; do
		rm -rf stage
		for v in old new old; do
			SLIPWAY_SANDBOX=off strace -f -o log \
			    -e inject=renameat2:error=$error \
			    rb-stage --root stage $v.tar.gz > out 2> err ||
			    skip "strace can not inject faults here"
			is false "$(field .stage.unchanged)"
			tree stage/amd64 | diff $v.tree -
			nothing_left stage
		done
	done
	# killed at any of those renames
	n=$(grep -c 'renameat(' log)
	[ "$n" -ge 2 ]
	for ((i = 1; i <= n; i++)); do
		rm -rf stage
		rb-stage --root stage old.tar.gz > out
		SLIPWAY_SANDBOX=off strace -f -o /dev/null \
		    -e inject=renameat2:error=EINVAL \
		    -e inject=renameat:signal=KILL:when=$i \
		    rb-stage --root stage new.tar.gz > out 2> err || :
		whole stage
		tool 0 rb-stage --root stage new.tar.gz
		tree stage/amd64 | diff new.tree -
		nothing_left stage
	done
}

@test "rb-stage: an ordinary user's tree with strict modes can be replaced" {
	bundle a.tar.gz amd64 -e 'get("usr/bin").mode = 0o555; get("etc").mode = 0o500
add("x", b"x", mode=0o200)'
	bundle b.tar.gz amd64
	needs setpriv
	mkdir -m 777 home
	for n in false true; do
		tool 0 as_user rb-stage --root home/stage a.tar.gz
		is $n "$(field .stage.unchanged)"
	done
	tool 0 as_user rb-stage --root home/stage b.tar.gz
	is false "$(field .stage.unchanged)"
	is r-xr-xr-x "$(tar -tvzf a.tar.gz runtime_1.0_amd64/usr/bin | head -1 | cut -c2-10)"
	tool 0 as_user rb-stage --root home/stage a.tar.gz
	tool 1 as_user rb-stage --root home/stage --arch amd64 gone.tar.gz
	is '' "$(ls -A home/stage)"
}

@test "rb-stage: a tree of thousands of files is staged whole" {
	bundle a.tar.gz amd64 -e 'for i in range(3000): add("d%d/f%d" % (i % 50, i), b"%d" % i)'
	tool 0 rb-stage --root stage a.tar.gz
	mkdir t
	tar -xpzf a.tar.gz -C t
	diff -r t stage/amd64
	tool 0 rb-stage --root stage a.tar.gz
	is true "$(field .stage.unchanged)"
	rm stage/amd64/runtime_1.0_amd64/d7/f1007
	tool 0 rb-stage --root stage a.tar.gz
	is false "$(field .stage.unchanged)"
	diff -r t stage/amd64
}

@test "rb-stage: a full stdout is noticed" {
	bundle a.tar.gz
	tool 3 sh -c 'rb-stage --root stage a.tar.gz > /dev/full'
}

@test "rb-stage: wrong usage writes nothing to stdout and makes no root" {
	tool 2 rb-stage --root stage --frobnicate
	[ ! -s out ]
	[ ! -e stage ]
	tool 2 rb-stage --root stage --max-bytes x a.tar.gz
	[ ! -s out ]
	[ ! -e stage ]
	tool 2 rb-stage --root stage < /dev/null
	is no_records "$(field .error.code 2> /dev/null || echo no_records)"
}
