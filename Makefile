# The only build system.  CC, CFLAGS, LDFLAGS, PREFIX and DESTDIR are the
# user's; what the code needs is in ALL_CFLAGS and LIBS.
#
#   make [WERROR=1] [B=DIR]	the tools, in build/ or DIR
#   make check asan tsan	all suites; under sanitizers in $B/asan, $B/tsan
#   make lint fuzz bench demo	scripts of their own, see each
#   make cluster [TARGETS="gateway supervisor"]
#   make cluster-image gateway-image publish	the OpenShell pipeline
#   make deb [ARCH=arm64]	the Debian package, of another machine too
#   make install PREFIX=DIR	needs no root
VERSION := 0.1.0
TOOLS := rb-fetch rb-pack rb-verify rb-stage img-build manifest-assemble fp-diff

B ?= build
CC ?= cc
CFLAGS ?= -O2 -g
PREFIX ?= /usr/local
BINDIR ?= $(PREFIX)/bin
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/slipway
PKG_CONFIG ?= pkg-config
INSTALL ?= install
FUZZ_SECONDS ?= 60
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec

PKGS := libarchive libcrypto libcurl libgit2 zlib libzstd liblzma libdeflate
# ISA-L inflates gzip three times as fast as zlib, and runs on x86 and arm.
PKGS += $(shell $(PKG_CONFIG) --exists libisal && echo libisal)
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
# libjq 1.6 (Debian 12) ships no .pc file.
JQ_LIBS := $(shell $(PKG_CONFIG) --libs libjq 2>/dev/null || echo -ljq)
LIBS := $(PKG_LIBS) $(JQ_LIBS) -lm

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wmissing-prototypes \
	-Wstrict-prototypes -Wwrite-strings -Wvla -Wformat=2
# Ubuntu's gcc defines _FORTIFY_SOURCE by itself, hence the -U; sanitizers
# and it get in each other's way.
HARDEN := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
	-fno-sanitize-recover=all,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2) \
	-fstack-protector-strong -fPIE
ALL_CPPFLAGS := -D_GNU_SOURCE -Ilib -DTOOL_VERSION='"$(VERSION)"' \
	$(if $(filter libisal,$(PKGS)),-DHAVE_ISAL) $(PKG_CFLAGS) $(CPPFLAGS)
ALL_CFLAGS := -std=gnu17 -pthread $(WARN) $(if $(WERROR),-Werror) $(HARDEN) \
	$(CFLAGS)
ALL_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

LIBSRC := $(wildcard lib/*/*.c)
LIB := $B/libslipway.a
UNITS := $(patsubst %.c,$B/%,$(wildcard tests/unit/*.c))
FUZZERS := $(patsubst %.c,$B/%,$(wildcard tests/fuzz/*.c))
# Programs that suites drive a part of the library with.
DRIVERS := $(patsubst %.c,$B/%,$(wildcard tests/tools/*.c))
OBJS := $(LIBSRC:%.c=$B/%.o) $(TOOLS:%=$B/cmd/%.o) $(UNITS:%=%.o) \
	$(FUZZERS:%=%.o) $(DRIVERS:%=%.o)

all: $(TOOLS:%=$B/%)

$B/%: $B/cmd/%.o $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$B/tests/unit/%: $B/tests/unit/%.o $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$B/tests/tools/%: $B/tests/tools/%.o $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$B/tests/fuzz/%: $B/tests/fuzz/%.o $(LIB)
	$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS)
$(LIB): $(LIBSRC:%.c=$B/%.o)
	rm -f $@ && $(AR) rcs $@ $^
$B/%.o: %.c $B/flags
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Changed flags rebuild everything: the file changes only when they do.
FLAGS = $(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ALL_LDFLAGS)
$B/flags: FORCE
	$(if $(PKG_LIBS),,$(error one of '$(PKGS)' is missing: scripts/test.sh \
	installs what the build needs))
	@mkdir -p $B
	@echo '$(subst ','\'',$(FLAGS))' | cmp -s - $@ || \
	    echo '$(subst ','\'',$(FLAGS))' > $@

units: $(UNITS) $(DRIVERS)
fuzzers: $(FUZZERS)

# SUITES="rb-verify pipeline" runs those alone.
check: all units
	SLIPWAY_BIN=$(abspath $B) scripts/run-suites.sh $(SUITES)

asan:
	$(MAKE) B=$B/asan SANITIZE=address,undefined CFLAGS='-O1 -g' all units
	SLIPWAY_BIN=$(abspath $B/asan) scripts/run-suites.sh $(SUITES)

# ThreadSanitizer's shadow memory collides with much address randomisation.
tsan:
	$(MAKE) B=$B/tsan SANITIZE=thread CFLAGS='-O1 -g' all units
	SLIPWAY_BIN=$(abspath $B/tsan) $$(setarch -R true 2>/dev/null && \
	    echo setarch -R) scripts/run-suites.sh $(SUITES)

# Each fuzzer for FUZZ_SECONDS, its corpus kept; a crash is left beside it.
fuzz:
	$(MAKE) B=$B/fuzz CC=clang CFLAGS='-O1 -g' \
	    SANITIZE=fuzzer-no-link,address,undefined fuzzers
	@for f in $(FUZZERS:$B/%=$B/fuzz/%); do \
		mkdir -p $$f.corpus; \
		seeds=tests/fuzz/$${f##*/}.seeds; \
		[ -d $$seeds ] || seeds=; \
		$$f -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$$f. \
		    -print_final_stats=1 -rss_limit_mb=1024 $$f.corpus $$seeds; \
	done

# Programs of other projects, pinned in tests/peers/go.mod, and the tests that
# ask them.
check-peers: all
	tests/peers/build.sh $B/peers
	PATH=$(abspath $B/peers):$$PATH SLIPWAY_BIN=$(abspath $B) \
	    scripts/run-suites.sh peers pipeline manifest-assemble-registry \
	    img-build-engines-real workflows img-build-push rb-mirror

print-%:
	@echo '$($*)'
lint:
	B=$B scripts/lint.sh
bench: all
	SLIPWAY_BIN=$(abspath $B) tests/bench/bench.sh $(CASES)
demo:
	B=$B scripts/demo.sh

# The OpenShell pipeline in REPO, the root of such a repository; without one,
# in a copy of the example.  The bundles' paths count from here.
REPO ?=
MODE ?= registry
cluster: PIPELINE = cluster.sh $(TARGETS)
cluster-image: PIPELINE = docker-build-cluster.sh
gateway-image: PIPELINE = docker-build-component.sh gateway
publish: PIPELINE = docker-publish-multiarch.sh --mode $(MODE)
cluster cluster-image gateway-image publish: all
ifeq ($(REPO),)
	tests/fixtures/make-example.sh $B/openshell
	git -C $B/openshell init -q
endif
	for v in "$${!OPENSHELL_RUNTIME_BUNDLE_TARBALL@}"; do \
		case $${!v} in '' | /*) ;; *) export "$$v=$$PWD/$${!v}" ;; esac; \
	done; \
	cd '$(or $(REPO),$B/openshell)'; \
	PATH='$(abspath $B)':$$PATH '$(CURDIR)'/scripts/$(PIPELINE)

# This machine's, where no ARCH is named.
deb:
	B=$B scripts/package-deb.sh $(ARCH)

# The tools for arm64, run by qemu-user, and the packages.
check-arm64: all
	B=$B scripts/check-arm64.sh

MANS := $(wildcard man/*.[157])
install: all
	$(INSTALL) -d '$(DESTDIR)$(BINDIR)' '$(DESTDIR)$(DOCDIR)'
	$(INSTALL) $(TOOLS:%=$B/%) scripts/pipeline-report.sh \
	    '$(DESTDIR)$(BINDIR)'
	for m in $(MANS); do \
		$(INSTALL) -D -m 644 $$m \
		    '$(DESTDIR)$(MANDIR)'/man$${m##*.}/$${m##*/}; \
	done
	$(INSTALL) -m 644 README.md LICENSE '$(DESTDIR)$(DOCDIR)'

uninstall:
	rm -f $(TOOLS:%='$(DESTDIR)$(BINDIR)'/%) \
	    '$(DESTDIR)$(BINDIR)'/pipeline-report.sh \
	    $(foreach m,$(MANS),'$(DESTDIR)$(MANDIR)'/man$(subst .,,$(suffix \
	    $m))/$(notdir $m)) '$(DESTDIR)$(DOCDIR)'/{README.md,LICENSE}
	rmdir '$(DESTDIR)$(DOCDIR)' 2>/dev/null || :

DIST := slipway-$(VERSION)
dist:
	@mkdir -p $B
	git archive --prefix=$(DIST)/ HEAD | gzip -9n > $B/$(DIST).tar.gz
	@echo $B/$(DIST).tar.gz

# The tarball alone builds, checks, installs, and leaves nothing behind.
distcheck: dist
	rm -rf $B/distcheck && mkdir -p $B/distcheck
	tar -xzf $B/$(DIST).tar.gz -C $B/distcheck
	$(MAKE) -C $B/distcheck/$(DIST) B=build WERROR=1 check
	$(MAKE) -C $B/distcheck/$(DIST) B=build DESTDIR='$(abspath \
	    $B/distcheck)/root' install uninstall
	! find $B/distcheck/root ! -type d | grep .

clean:
	rm -rf $B

FORCE:
.PHONY: all units fuzzers check asan tsan fuzz check-peers lint bench demo \
	cluster cluster-image gateway-image publish install uninstall dist \
	distcheck deb check-arm64 clean FORCE
.SECONDARY:
-include $(OBJS:.o=.d)
