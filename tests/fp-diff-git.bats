# fp-diff-git.bats - repositories and work trees of every kind, hostile ones
# too.

load helpers
load fp-diff

# blob TEXT: git's name of these bytes.
blob() {
	printf '%s' "$1" | git hash-object --stdin --no-filters
}

# listed PATTERN...: `MODE ID PATH` of each file, as the state keeps them.
listed() {
	rm -rf ../s ../s.d
	jq -cn '{component: "x", paths: $ARGS.positional}' --args "$@" |
		fp-diff -q --state ../s > /dev/null
	tail -n +2 ../s.d/[0-9a-f]* | tr '\0' '\n'
}

simple() {
	git init -q "$@"
	put src/a
	put src/b
	commit
}

@test "fp-diff: ids are git's own" {
	simple
	is "100644 $(git rev-parse HEAD:src/a) src/a
100644 $(git rev-parse HEAD:src/b) src/b" "$(listed /src/)"
}
@test "fp-diff: names of any bytes are files like others" {
	simple
	put $'src/new\nline'
	put $'src/ta\tb"quote'
	put $'src/\xff\xfe'
	one=$(fp)
	git add -A
	is "$one" "$(fp)"
	git commit -q -m x
	is "$one" "$(fp)"
	jq -cn '{component: "x", paths: ["/src/"]}' > ../in
	fp-diff --state ../s < ../in | fp-diff --state ../s --save > ../x
	printf x > $'src/\xff\xfe'
	printf x > $'src/new\nline'
	fp-diff --state ../s --reasons < ../in > ../out
	is 'src/new
line' "$(jq -r '.reasons[0].path' ../out)"
	is 'src/\xff\xfe' "$(jq -r '.reasons[1].path' ../out)"
	is $'src/\xff\xfe' "$(jq -r '.reasons[1].path_b64' ../out | base64 -d)"
	fp-diff --state ../s --text < ../in > ../out
	run grep -q $'\xff' ../out
	[ "$status" -eq 1 ]
}
@test "fp-diff: a symlink is its text, never what it points to" {
	simple
	ln -s a src/link
	ln -s ../../outside src/dangling
	one=$(fp)
	is "120000 $(blob a) src/link" "$(listed /src/link)"
	put ../outside
	is "$one" "$(fp)"
	rm src/link
	printf a > src/link
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: a folder that became a symlink hides its files" {
	simple
	mkdir ../elsewhere
	cp src/a src/b ../elsewhere
	one=$(fp)
	mv src ../old
	ln -s ../elsewhere src
	is "" "$(listed /src/)"
	[ "$one" != "$(fp)" ]
	is "120000 $(blob ../elsewhere) src" "$(listed /src)"
}
@test "fp-diff: a file that became a folder, and back" {
	simple
	one=$(fp)
	rm src/a
	put src/a/deep
	is "src/a/deep src/b" "$(listed /src/ | cut -d' ' -f3 | xargs)"
	rm -r src/a
	put src/a
	is "$one" "$(fp)"
}
@test "fp-diff: the executable bit counts, unless core.fileMode says no" {
	simple
	one=$(fp)
	chmod +x src/a
	[ "$one" != "$(fp)" ]
	git config core.fileMode false
	is "$one" "$(fp)"
}
@test "fp-diff: a change of the same size and time is seen" {
	simple
	one=$(fp)
	touch -r src/a ../time
	printf 'src/z\n' > src/a
	touch -r ../time src/a
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: a file written in the same instant as the index is read" {
	simple
	one=$(fp)
	# As a program that restores times, on a file system without ctime.
	git config core.trustctime false
	git config core.checkStat minimal
	printf 'src/z\n' > src/a
	touch -d @2000000000 src/a src/b
	git update-index -q --refresh || :
	git add -A
	touch -d @2000000000 .git/index
	two=$(fp)
	[ "$one" != "$two" ]
	printf 'src/y\n' > src/a
	touch -d @2000000000 src/a
	[ "$two" != "$(fp)" ]
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: an entry of no size proves nothing" {
	simple
	git config core.checkStat minimal
	git update-index --cacheinfo "100644,$(git rev-parse HEAD:src/b),src/a"
	: > src/a
	touch -d @0 src/a
	is "100644 $(blob '') src/a" "$(listed /src/a)"
}
@test "fp-diff: clean files are not read, dirty ones are" {
	simple
	touch -d @1000000000 src/a src/b
	git update-index --refresh
	fp-diff -v <<< '{"component":"x","paths":["/src/"]}' > ../out 2> ../err
	grep -q " 0 bytes read" ../err
	touch src/a
	fp-diff -v <<< '{"component":"x","paths":["/src/"]}' > ../out 2> ../err
	grep -q " 6 bytes read" ../err
}
@test "fp-diff: assume-unchanged does not hide a change" {
	simple
	one=$(fp)
	git update-index --assume-unchanged src/a
	is "$one" "$(fp)"
	put src/a changed
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: an intent to add is the file" {
	simple
	put src/new
	one=$(fp)
	git add -N src/new
	is "$one" "$(fp)"
}
@test "fp-diff: a conflict is what stands in the work tree" {
	simple
	git checkout -q -b other
	put src/a other
	commit
	git checkout -q main
	put src/a mine
	commit
	git merge other > ../x 2>&1 || :
	grep -q '<<<<' src/a
	one=$(fp)
	git add -A
	is "$one" "$(fp)"
}
@test "fp-diff: a repository without commits has fingerprints" {
	git init -q
	put src/a
	put src/b
	one=$(fp)
	git add -A
	is "$one" "$(fp)"
	git commit -q -m x
	is "$one" "$(fp)"
}
@test "fp-diff: an export without .git is read, and says so" {
	simple
	one=$(fp)
	mkdir ../export
	git archive HEAD | tar -xf - -C ../export
	cd ../export
	is "$one" "$(fp)"
	tool 0 fp-diff <<< '{"component":"x","paths":["/src/"]}'
	grep -q "is in no git repository: every file in it counts" err
}
@test "fp-diff: a linked worktree is a work tree" {
	simple
	one=$(fp)
	git worktree add -q ../linked
	cd ../linked
	is "$one" "$(fp)"
	put src/a changed
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: what a sparse checkout leaves out counts as in the index" {
	simple
	put lib/c
	commit
	one=$(fp /src/ /lib/)
	git sparse-checkout set --cone src
	[ ! -e lib/c ]
	is "$one" "$(fp /src/ /lib/)"
	git sparse-checkout reapply --sparse-index
	is "$one" "$(fp /src/ /lib/)"
	put lib/c changed
	[ "$one" != "$(fp /src/ /lib/)" ]
}
@test "fp-diff: skip-worktree without a sparse checkout does the same" {
	simple
	one=$(fp)
	git update-index --skip-worktree src/a
	rm src/a
	is "$one" "$(fp)"
	put src/a changed
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: a split index is read by git" {
	simple
	one=$(fp)
	git update-index --split-index
	put src/c
	git add src/c
	rm src/c
	git add -A
	is "$one" "$(fp)"
	put src/a changed
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: a SHA-256 repository has fingerprints of its own" {
	simple --object-format=sha256
	one=$(fp)
	is "100644 $(git rev-parse HEAD:src/a) src/a" "$(listed /src/a)"
	put src/new
	two=$(fp)
	[ "$one" != "$two" ]
	commit
	is "$two" "$(fp)"
	printf '*.o\n' > .gitignore
	put src/x.o
	is "$two" "$(fp)"
	put src/sub/y.o
	put src/sub/y
	git clone -q . ../clone
	cd ../clone
	is "$two" "$(fp)"
	rm -rf ../clone/.git
	[ "$two" != "$(fp)" ]
}
@test "fp-diff: indexes of versions 2 and 4, and with an untracked cache" {
	simple
	one=$(fp)
	git update-index --index-version 4
	is "$one" "$(fp)"
	git update-index --untracked-cache 2> ../x
	git status > ../x
	is "$one" "$(fp)"
}

#
# Submodules
#

submodule() {
	git init -q ../module
	(cd ../module && put in && commit)
	simple
	git submodule --quiet add ../module src/module 2> ../x
	commit
}

@test "fp-diff: a submodule is its commit, and whether it has changes" {
	submodule
	one=$(fp)
	is "160000 $(git -C src/module rev-parse HEAD) src/module" \
	    "$(listed /src/module/)"
	put src/module/in changed
	two=$(fp)
	[ "$one" != "$two" ]
	git -C src/module add in
	is "$two" "$(fp)"
	git -C src/module reset -q --hard
	is "$one" "$(fp)"
	put src/module/new
	[ "$one" != "$(fp)" ] && [ "$two" != "$(fp)" ]
	(cd src/module && commit)
	three=$(fp)
	[ "$one" != "$three" ] && [ "$two" != "$three" ]
	git add src/module
	is "$three" "$(fp)"
}
@test "fp-diff: two changes of one submodule are two contents" {
	for format in sha1 sha256; do
		mkdir $format
		cd $format
		simple --object-format=$format
		git init -q --object-format=$format src/nested
		(cd src/nested && put in && put deep/in && commit)
		clean=$(fp)
		seen=("$clean")
		for c in 'put in one' 'put in two' 'put deep/in one' \
		    'put new one' 'put new two' 'put more/new two' 'rm in' \
		    'chmod +x in' 'ln -sf x in' 'mv in other' \
		    'put in flagged; git update-index --assume-unchanged in' \
		    'put in unseen; git update-index --skip-worktree in'; do
			(cd src/nested && eval "$c")
			seen+=("$(fp)")
			is "${seen[-1]}" "$(fp)"
			(cd src/nested &&
			    git update-index --no-assume-unchanged in &&
			    git update-index --no-skip-worktree in &&
			    git reset -q --hard && git clean -qfd)
			is "$clean" "$(fp)"
		done
		is "${#seen[@]}" "$(printf '%s\n' "${seen[@]}" | sort -u |
		    wc -l)"
		cd ..
	done
}
@test "fp-diff: a file in a submodule's place is a file, staged or not" {
	submodule
	rm -r src/module
	echo text > src/module
	one=$(fp src/module/) two=$(fp src/module)
	[ "$one" != "$two" ]
	git rm -q --cached src/module
	git add src/module
	is "$one" "$(fp src/module/)"
	is "$two" "$(fp src/module)"
}
@test "fp-diff: a submodule that libgit2 can not read is read by git" {
	submodule
	one=$(fp)
	git -C src/module update-index --split-index
	is "$one" "$(fp)"
	put src/module/in changed
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: a submodule that is not checked out is as the index says" {
	submodule
	one=$(fp)
	git clone -q "$PWD" ../clone
	cd ../clone
	[ ! -e src/module/in ]
	is "$one" "$(fp)"
	git submodule --quiet update --init 2> ../x
	is "$one" "$(fp)"
}
@test "fp-diff: a repository inside that nobody tracks counts as a submodule" {
	simple
	git init -q src/nested
	(cd src/nested && put in && commit)
	one=$(fp)
	is "160000 $(git -C src/nested rev-parse HEAD) src/nested" \
	    "$(listed /src/nested/)"
	put src/nested/in changed
	[ "$one" != "$(fp)" ]
}
@test "fp-diff: submodules of a SHA-256 repository" {
	git init -q --object-format=sha256 ../module
	(cd ../module && put in && commit)
	simple --object-format=sha256
	git submodule --quiet add ../module src/module 2> ../x
	commit
	one=$(fp)
	put src/module/in changed
	two=$(fp)
	[ "$one" != "$two" ]
	git -C src/module checkout -q .
	is "$one" "$(fp)"
}

#
# Attributes
#

@test "fp-diff: with line ends converted, the bytes in the work tree count" {
	git init -q
	printf '*.txt text eol=crlf\n' > .gitattributes
	printf 'a\r\nb\r\n' > ../crlf
	mkdir src
	cp ../crlf src/a.txt
	put src/b
	git add -A
	git commit -q -m x
	raw="100644 $(git hash-object --no-filters ../crlf) src/a.txt"
	is "$raw" "$(listed '*.txt')"
	touch -d @1000000000 src/a.txt
	git update-index --refresh
	is "$raw" "$(listed '*.txt')"
	touch src/a.txt
	is "$raw" "$(listed '*.txt')"
	git clone -q . ../clone
	cd ../clone
	is "$raw" "$(listed '*.txt')"
}
@test "fp-diff: core.autocrlf, ident and attribute files elsewhere convert too" {
	git init -q
	mkdir src
	printf 'a\r\n' > src/a.txt
	raw="100644 $(git hash-object --no-filters src/a.txt) src/a.txt"
	git config core.autocrlf true
	git add -A 2> ../x
	git commit -q -m x
	touch -d @1000000000 src/a.txt
	git update-index --refresh
	is "$raw" "$(listed '*.txt')"
	git config --unset core.autocrlf
	echo '*.txt text' > .git/info/attributes
	git add --renormalize . 2> ../x
	touch -d @1000000000 src/a.txt
	git update-index -q --refresh || :
	is "$raw" "$(listed '*.txt')"
	mkdir -p "$HOME/.config/git"
	mv .git/info/attributes "$HOME/.config/git/attributes"
	is "$raw" "$(listed '*.txt')"
}
@test "fp-diff: a large file that no attribute converts is not read" {
	git init -q
	printf '*.txt text\n' > .gitattributes
	mkdir src
	head -c 100000 /dev/zero > src/big
	printf 'a\n' > src/a.txt
	git add -A
	touch -d @1000000000 src/* .gitattributes
	git update-index --refresh
	fp-diff -v <<< '{"component":"x","paths":["/src/"]}' > ../out 2> ../err
	grep -q ' 2 bytes read' ../err
}

#
# Hostile checkouts
#

@test "fp-diff: no hook, filter, fsmonitor, textconv or alias is run" {
	for format in sha1 sha256; do
		rm -rf repo ../ran
		mkdir repo
		cd repo
		simple --object-format=$format
		git init -q --object-format=$format src/nested
		(cd src/nested && put in && commit)
		cat > ../evil <<-'SH'
		#!/bin/sh
		echo "$0 $*" >> "${0%/*}/../ran"
		cat
		SH
		chmod +x ../evil
		for r in . src/nested; do
			evil=$PWD/../evil
			for h in post-index-change post-checkout pre-commit \
			    reference-transaction fsmonitor-watchman; do
				cp ../evil "$r/.git/hooks/$h"
			done
			git -C $r config core.fsmonitor "$evil"
			git -C $r config filter.e.clean "$evil"
			git -C $r config filter.e.smudge "$evil"
			git -C $r config filter.e.process "$evil"
			git -C $r config filter.e.required true
			git -C $r config diff.e.textconv "$evil"
			git -C $r config diff.external "$evil"
			git -C $r config core.pager "$evil"
			git -C $r config core.sshCommand "$evil"
			git -C $r config core.alternateRefsCommand "$evil"
			git -C $r config alias.ls-files "!$evil"
			git -C $r config alias.rev-parse "!$evil"
			git -C $r config credential.helper "$evil"
			git -C $r config include.path "$PWD/../evil.inc"
			printf '* filter=e diff=e\n' > $r/.gitattributes
		done
		printf '[core]\n\tfsmonitor = %s\n' "$evil" > ../evil.inc
		put src/a changed
		put src/new
		put src/nested/in changed
		fp > ../fingerprint
		grep -q sha256: ../fingerprint
		[ ! -e ../ran ] && [ ! -e ../../ran ]
		fp-diff -q --base HEAD <<< '{"component":"x","paths":["*"]}' > ../out
		[ ! -e ../ran ] && [ ! -e ../../ran ]
		cd ..
	done
}
@test "fp-diff: somebody else's repository is refused, as git does" {
	[ "$(id -u)" -eq 0 ] || skip "only root can give files away"
	for format in sha1 sha256; do
		mkdir $format
		cd $format
		simple --object-format=$format
		echo '{"component":"x","paths":["/src/"]}' > ../in
		chown -R 12345 .
		tool 1 fp-diff < ../in
		is unsafe_repository "$(field .error.code)"
		grep -q safe.directory err
		SUDO_UID=12345 tool 0 fp-diff -q < ../in
		SUDO_UID=12346 tool 1 fp-diff -q < ../in
		git config --global --add safe.directory "$PWD"
		tool 0 fp-diff -q < ../in
		cd ..
	done
}
@test "fp-diff: variables of git's do not lead it astray" {
	simple
	one=$(fp)
	git init -q ../other
	GIT_DIR=$PWD/../other/.git GIT_WORK_TREE=$PWD/../other \
	    GIT_INDEX_FILE=$PWD/../none run fp
	is "$one" "$output"
}
@test "fp-diff: a damaged index is a failure, never an empty tree" {
	simple
	printf 'DIRC\0\0\0\2\0\0\0\1garbage' > .git/index
	tool 3 fp-diff <<< '{"component":"x","paths":["/src/"]}'
	is git "$(field .error.code)"
}
@test "fp-diff: a file that can not be read is a failure" {
	[ "$(id -u)" -ne 0 ] || skip "only root can read everything"
	simple
	put src/a changed
	chmod 0 src/a
	tool 3 fp-diff <<< '{"component":"x","paths":["/src/"]}'
}
@test "fp-diff: what a part of a clone lacks is never asked for" {
	for format in sha1 sha256; do
		mkdir $format
		cd $format
		simple --object-format=$format
		put src/a changed
		commit
		printf '#!/bin/sh\ntouch %s\n' "$PWD/../ran" > ../evil
		chmod +x ../evil
		git config extensions.partialClone origin
		git config remote.origin.promisor true
		git config remote.origin.uploadpack "$PWD/../evil"
		git config protocol.ext.allow always
		git config protocol.file.allow always
		tree=$(git rev-parse HEAD~1:src)
		rm ".git/objects/${tree:0:2}/${tree:2}"
		for url in "ext::$PWD/../evil x" "$PWD"; do
			git config remote.origin.url "$url"
			tool 3 fp-diff -q --base HEAD~1 \
			    <<< '{"component":"x","paths":["/src/"]}'
			[ ! -e ../ran ]
		done
		cd ..
	done
}
@test "fp-diff: folders in folders, deeper than descriptors reach" {
	git init -q
	path=$(printf 'd/%.0s' {1..700})
	mkdir -p "$path"
	echo x > "${path}x"
	fp '*' > ../one
	(ulimit -n 800 && fp '*' > ../two)
	cmp ../one ../two
	grep -q sha256: ../two
}
@test "fp-diff: pipes, sockets and devices are no content" {
	simple
	one=$(fp)
	mkfifo src/pipe
	is "$one" "$(fp)"
}
@test "fp-diff: a broken .git in a folder is no repository" {
	simple
	put src/odd/x
	one=$(fp)
	mkdir src/odd/.git
	is "$one" "$(fp)"
}
@test "fp-diff: ignore rules of every kind" {
	simple
	printf '*.o\n/src/build/\n!keep.o\n' > .gitignore
	printf 'local\n' > src/.gitignore
	printf 'mine\n' > .git/info/exclude
	mkdir -p "$HOME/.config/git"
	printf 'global\n' > "$HOME/.config/git/ignore"
	for f in x.o deep/er/x.o keep.o build/x local mine global deep/local \
	    build2/x; do
		put "src/$f"
	done
	git ls-files -co --exclude-standard src | sort > ../want
	listed /src/ | cut -d' ' -f3 | sort > ../got
	diff ../want ../got
	git add -f src/build/x src/x.o
	put src/build/y
	git ls-files -co --exclude-standard src | sort > ../want
	listed /src/ | cut -d' ' -f3 | sort > ../got
	diff ../want ../got
}

#
# At random
#

@test "fp-diff: whatever is done to a tree, equal fingerprints are equal contents" {
	run "$SLIPWAY_ROOT/tests/fp-diff-random.py" "${FP_DIFF_STEPS:-150}" \
	    "${FP_DIFF_SEED:-1}"
	echo "$output"
	[ "$status" -eq 0 ]
}

#
# Patterns
#

@test "fp-diff: a pattern means what it means in .gitignore" {
	git init -q
	patterns=('a' '/a' 'a/' '/a/' 'a/b' 'a/*' '/a/*/c' '/a/**/c' '**/c'
	    'a/**' '*.c' '/*.c' 'a*' '/a?c' 'x[b-d]e' 'x[!b-d]e' '[[:upper:]]x'
	    '\!a' '\#a' 'sp\ ' 'sp  ' 'a**c' '**' '/**' '*' '**/a/**' 'a/**/b/**/c'
	    '[a-[:alpha:]]' 'x[[:a]b:]' '[b-a]' '[]x]' 'é' '\*' '***/c' 'a/***')
	paths=(a b/a a/b a/c a/b/c a/b/b/c c x/c y.c x/y.c abc a/bc xce xae Qx
	    'a]' 'x:b:]' b '!a' '#a' 'sp ' sp 'ac' 'a/x/b/y/c' ']' é '*' 'b/a/x')
	for p in "${patterns[@]}"; do
		jq -cn --arg p "$p" '{component: $p, paths: [$p]}'
	done > ../in
	for f in "${paths[@]}"; do
		fp-diff --test "$f" < ../in |
			jq -r --arg f "$f" '"\(.component)\t\($f)\t\(.test.in)"'
	done > ../ours
	for f in "${paths[@]}"; do
		for p in "${patterns[@]}"; do
			printf '%s\n' "$p" > .git/info/exclude
			in=false
			if git check-ignore -q --no-index -- "$f"; then
				in=true
			fi
			printf '%s\t%s\t%s\n' "$p" "$f" "$in"
		done
	done > ../gits
	diff ../gits ../ours
}
