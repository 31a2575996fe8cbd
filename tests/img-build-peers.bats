#!/usr/bin/env bats
# img-build beside the engines that people have: the same Dockerfile gives the
# same files.

load helpers

# fixture: a context and a Dockerfile that go where engines could differ.
fixture() {
	mkdir -p c/bin c/d/tmp/deep c/w/one c/w/two c/real c/ig
	echo app > c/bin/app && chmod 755 c/bin/app && ln -s app c/bin/link
	echo deep > c/d/tmp/deep/f && echo s > c/d/s
	ln -s bin c/linkdir && ln -s real/file c/filelink && ln -s no c/dangling
	echo file > c/real/file && ln -s file c/real/rel && ln -s /abs c/real/abs
	echo 1 > c/w/one/1 && echo 2 > c/w/two/2 && echo 3 > c/w/stray
	echo in > c/ig/in && echo out > c/ig/out && echo o > c/o.tmp
	printf '**/*.tmp\nig\n!ig/in\n' > c/.dockerignore
	cat > c/Dockerfile <<-'END'
		ARG FROM=first
		FROM scratch AS first
		WORKDIR /srv/dir
		COPY --chown=5:6 bin files/
		COPY --chown=7 real/file /own/er/f
		COPY real /l/
		FROM $FROM AS second
		ARG X=x y
		ENV A=${X:-none} B="a b"
		COPY d /
		COPY d/tmp /tmp2
		COPY bin/l* /wild/
		COPY bin/link /named
		COPY linkdir/app /viadir
		COPY linkdir /linkdir
		COPY filelink /${A}/
		COPY w/*/ /wcard/
		COPY --from=first /l/re* /fromwild/
		COPY ig /ig
		COPY real /l/
		USER 12:13
		WORKDIR /home/u/v
		COPY ./s* d/s ["x", "y"] ./
		FROM second
		COPY --from=first / /all/
		EXPOSE 80
	END
	sed -i '/\["x"/d; s/^ARG X=x y/ARG X=x/' c/Dockerfile
}

# listing DIR: what a root file system is, without what engines add.
listing() {
	(
		cd "$1" || exit
		find . -mindepth 1 \( -path ./dev -o -path ./proc -o \
		    -path ./sys -o -path ./etc -o -name .dockerenv \) -prune \
		    -o \( -type d -printf '%p d %m %U:%G\n' -o \
		    -printf '%p %y %m %U:%G %s %l\n' \) | sort
		find . -type f ! -path './etc/*' ! -path './dev/*' \
		    ! -name .dockerenv -exec sha256sum {} + | sort -k 2
	)
}

ours() {
	rm -rf u
	img-build --platform linux/amd64 -o oci:o:t "$@" > /dev/null
	umoci unpack --image o:t u > /dev/null 2>&1
	listing u/rootfs > ours
}

@test "img-build: buildah's tree of the same Dockerfile is the same" {
	needs buildah umoci
	[ "$(id -u)" = 0 ] || skip "owners need root"
	local s="buildah --storage-driver vfs --root $PWD/st --runroot $PWD/rr"

	fixture
	# buildah 1.28 takes no stage's name out of an ARG
	sed -i 's/^FROM \$FROM/FROM first/' c/Dockerfile
	ours c
	$s bud -q -t x c > log 2>&1 || { cat log; skip "buildah bud fails: $(tail -n 1 log)"; }
	$s push -q x oci:b:t
	umoci unpack --image b:t bu > /dev/null 2>&1
	listing bu/rootfs | diff - ours
	$s rmi -a -f > /dev/null
}

# dockerd of our own; its socket's name must be short.
start_docker() {
	D=$(mktemp -d /tmp/ib-XXXXXX)
	dockerd --data-root "$D/root" --exec-root "$D/exec" -H "unix://$D/s" \
	    -p "$D/pid" --iptables=false --bridge=none > "$D/log" 2>&1 3>&- &
	export DOCKER_HOST=unix://$D/s DOCKER_BUILDKIT=1
	for _ in $(seq 50); do
		"$DOCKER" version > /dev/null 2>&1 && return 0
		sleep 0.2
	done
	return 1
}

stop_docker() {
	[ ! -s "$D/pid" ] || kill "$(cat "$D/pid")" 2> /dev/null || :
	for _ in $(seq 50); do
		[ -e "$D/pid" ] || break
		sleep 0.2
	done
	rm -rf "$D" 2> /dev/null || :
}

teardown() {
	[ -z "${D:-}" ] || stop_docker
}

@test "img-build: docker's tree and config of the same Dockerfile are the same" {
	local id f='{User,Env,Cmd,Entrypoint,WorkingDir,ExposedPorts}'

	needs dockerd umoci jq skopeo
	[ "$(id -u)" = 0 ] || skip "dockerd needs root"
	DOCKER=/usr/bin/docker
	[ -x "$DOCKER" ] || skip "docker's own client is not installed"
	fixture
	ours --context-modes keep c
	start_docker || skip "dockerd does not start here"
	"$DOCKER" build --network none -q -t x c > log 2>&1 || {
		cat log
		skip "docker build fails here"
	}
	id=$("$DOCKER" create x cmd)
	mkdir du
	"$DOCKER" export "$id" | tar -xpf - -C du
	listing du | diff - ours
	"$DOCKER" image inspect x |
		jq -S ".[0].Config | $f | del(..|nulls)" > dc
	jq -S ".config | $f | del(..|nulls)" "o/blobs/$(skopeo inspect --raw \
	    oci:o:t | jq -r .config.digest | tr : /)" | diff dc -
	"$DOCKER" rm "$id" > /dev/null
	# and docker runs what we built
	needs busybox
	mkdir r && cp "$(command -v busybox)" r/busybox
	printf 'FROM scratch\nCOPY busybox /bin/\nUSER 1:2\nENV V=w\nWORKDIR /x\nCMD ["/bin/busybox","sh","-c","echo $V; /bin/busybox pwd; /bin/busybox id -u"]\n' \
	    > r/Dockerfile
	img-build --platform linux/amd64 -o oci:ri:t r > /dev/null
	skopeo copy -q oci:ri:t docker-archive:r.tar:run:1
	"$DOCKER" load -q -i r.tar > /dev/null
	is "w /x 1" "$("$DOCKER" run --rm --network none run:1 | xargs)"
}
