# mailtwin: build and checks. `make help` lists the targets.
#
# One non-recursive make sees every dependency. Objects of each kind of build live apart
# (.build/opt, .build/san, .build/fuzz ...), so that switching between them rebuilds nothing.

PREFIX    ?= /usr/local
CC        ?= cc
CFLAGS    ?= -O2 -g
KIND      ?= opt
B         := .build/$(KIND)

PKGS      := lmdb openssl libsasl2 zlib
# libetpan's own pkg-config file asks for gnutls and Berkeley DB, which nothing here uses; nor is the shared library loaded, which wants
# them, where the other one can be had: that is half of the time that the program takes to start.
ETPAN_TRY  := void *mailstream_new(void), *mailstream_low_new(void); int main(void) { return mailstream_new() == mailstream_low_new(); }
ETPAN       = $(eval ETPAN := $$(shell f=$$$$($(CC) -print-file-name=libetpan.a); for l in "$$$$f" "$$$$f -llockfile"; do \
              echo '$$(ETPAN_TRY)' | $(CC) -x c - -x none $$$$l -pthread -o /dev/null 2>/dev/null && echo $$$$l && exit; done; \
              echo -letpan))$(ETPAN)
# What asks the network for the servers of an address is a program of its own (cmd/discover/), made where its libraries are.
DISCOVER_PKGS := libcurl expat jansson
HAS_DISCOVER  := $(shell pkg-config --exists $(DISCOVER_PKGS) 2>/dev/null && echo yes)
DISCOVER_LIBS  = $(shell pkg-config --libs $(DISCOVER_PKGS)) -lcrypto -lresolv
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_OTHERS := $(shell pkg-config --libs $(PKGS) 2>/dev/null)
PKG_LIBS    = $(PKG_OTHERS) $(ETPAN)
WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
             -Wformat=2 -Wvla $(if $(DEVELOPER),-Werror)
# What the compiler has against the exploits of faults we do not know; sanitizers see more without it.
takes      = $(shell for flag in $(1); do $(CC) -Werror $$flag -O2 -x c -c -o /dev/null /dev/null 2>/dev/null && echo $$flag; done)
CLANG_ZERO := -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang
ifneq ($(filter opt fast clang,$(KIND)),)
HARDEN    := -fPIE $(call takes,-fstack-protector-strong -fstack-clash-protection -fcf-protection \
             -ftrivial-auto-var-init=zero) $(if $(filter -O0,$(CFLAGS)),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
ifeq ($(filter -ftrivial-auto-var-init=zero,$(HARDEN)),)
HARDEN    += $(shell $(CC) -Werror -ftrivial-auto-var-init=zero $(CLANG_ZERO) -x c -c -o /dev/null /dev/null 2>/dev/null && \
             echo -ftrivial-auto-var-init=zero $(CLANG_ZERO))
endif
LINK      := -pie -Wl,-z,relro,-z,now,-z,noexecstack
endif
# What tests run may be stopped at a numbered step (cmd/steps.h), and what is installed may not: `fast` is `opt` with that.
STEPS     := -DMAILTWIN_STEPS
SAN_opt   := $(HARDEN)
SAN_clang := $(HARDEN)
SAN_fast  := $(HARDEN) $(STEPS)
SAN_san   := $(STEPS) -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_tsan  := $(STEPS) -fsanitize=thread
SAN_fuzz  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
COMPILE    = $(CC) -std=c11 -D_GNU_SOURCE -pthread -I. $(WARN) $(PKG_CFLAGS) $(SAN_$(KIND)) $(CFLAGS)

STATE     := $(wildcard state/*.c state/*/*.c)
SYNC      := $(wildcard sync/*.c sync/*/*.c)
CMD       := $(filter-out cmd/main.c,$(wildcard cmd/*.c)) cmd/discover/offer.c
DISCOVER  := $(if $(HAS_DISCOVER),$(filter-out cmd/discover/main.c,$(wildcard cmd/discover/*.c)))
# The planner and what it may stand on: its tests link these and nothing else, which proves it pure.
PURE      := $(wildcard sync/plan/*.c state/model/*.c) $(filter-out %/step.c %/proc.c,$(wildcard state/base/*.c))
# What every plan must satisfy: linked into what tests run (STEPS), where each plan is checked by it.
PLANNER   := $(wildcard tests/planner/*.c)
UNIT      := $(filter-out $(if $(HAS_DISCOVER),,%/test_discover.c),$(wildcard tests/unit/test_*.c))
PURE_UNIT := $(filter tests/unit/test_plan%,$(UNIT))
HEADERS   := $(wildcard cmd/*.h cmd/*/*.h sync/*.h sync/*/*.h state/*.h state/*/*.h)
obj        = $(patsubst %.c,$(B)/%.o,$(1))

Q   = $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $@;)

PROGRAMS  := mailtwin $(if $(HAS_DISCOVER),mailtwin-discover)
all: $(PROGRAMS) docs

$(PROGRAMS): %: $(B)/%
	$(Q)ln -f $< $@ 2>/dev/null || cp -f $< $@
$(B)/mailtwin: $(B)/cmd/main.o $(if $(findstring $(STEPS),$(SAN_$(KIND))),$(call obj,$(PLANNER))) $(B)/mailtwin.a $(if $(HAS_DISCOVER),| $(B)/mailtwin-discover)
	$(call say,LD)$(COMPILE) $(LINK) $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -o $@
$(B)/mailtwin-discover: $(B)/cmd/discover/main.o $(B)/discover.a $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) $(LINK) $(LDFLAGS) $^ $(DISCOVER_LIBS) $(LDLIBS) -o $@
$(B)/discover.a: $(call obj,$(DISCOVER))
	$(call say,AR)rm -f $@; $(AR) rcs $@ $^
$(B)/mailtwin.a: $(call obj,$(STATE) $(SYNC) $(CMD))
	$(call say,AR)rm -f $@; $(AR) rcs $@ $^
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(COMPILE) -MMD -MP -c $< -o $@
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' >$@

$(PURE_UNIT:%.c=$(B)/%): $(B)/%: $(B)/%.o $(call obj,$(PURE) $(PLANNER))
	$(call say,LD)$(COMPILE) $(LDFLAGS) $^ -lcmocka -o $@
$(patsubst %.c,$(B)/%,$(filter-out $(PURE_UNIT),$(UNIT))): $(B)/%: $(B)/%.o $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -lcmocka -o $@

$(B)/tests/unit/test_discover $(B)/tests/fuzz/fuzz_discover: $(B)/discover.a
$(B)/tests/unit/test_discover $(B)/tests/fuzz/fuzz_discover: LDLIBS += $(B)/mailtwin.a $(DISCOVER_LIBS)

# Two jobs unless told otherwise; a build of another kind is a make of its own.
again      = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j2)
san        = $(again) KIND=san DEVELOPER=1 CFLAGS='-O1 -g'

# Everything fast: layers, headers, unit tests and plan cases under the sanitizers, the shape of what was built for them, and
# whether the faults of the simulation fit it.
check: layers headers
	$(Q)$(san) unit docs-check
	$(Q)tests/shape.py .build/san
	$(Q)tests/sim/faults-apply
unit: $(UNIT:%.c=$(B)/%)
	$(Q)tests/run-programs $^

# Everything: what is missing is installed first; each part is a target of its own, runs on after another has
# failed, and says what it counted.
test: deps
	$(Q)tests/all

# The whole program with clang, no warning left.
clang:
	$(Q)$(again) KIND=clang CC=clang DEVELOPER=1 .build/clang/mailtwin
	@echo 'clang: no warnings'

# What test_again.py drives: channels that stay open.
$(B)/again: $(B)/tests/e2e/again.o $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) $(LINK) $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -o $@

# What a user sees, with the sanitized program; and the same stopped, killed and cut.
e2e crash: mailtwin
	$(Q)$(san) .build/san/mailtwin .build/san/again
	$(Q)$(again) KIND=fast .build/fast/mailtwin .build/fast/again
	$(Q)MAILTWIN=.build/san/mailtwin MAILTWIN_FAST=.build/fast/mailtwin tests/run tests/$@ $(CASES)

# What has threads, under ThreadSanitizer: stores, lines and the pool of workers.
TSAN_UNIT := test_pool test_net_stream test_net_tls test_maildir_watch
tsan:
	$(Q)$(again) KIND=tsan DEVELOPER=1 CFLAGS='-O1 -g' .build/tsan/mailtwin tsan-unit
	$(Q)MAILTWIN=.build/tsan/mailtwin tests/run tests/e2e test_threads
tsan-unit: $(TSAN_UNIT:%=$(B)/tests/unit/%)
	$(Q)tests/run-programs $^

# A throwaway Dovecot and what mailtwin does with it, what is missing being installed first; and how fast it does
# it, beside mbsync.
demo: demo-deps
	$(Q)$(again) mailtwin
	$(Q)tests/demo/demo
bench: mailtwin
	$(Q)tests/bench/bench $(BENCH)

# Simulated histories (tests/sim): the scenes, SIM_COUNT that are always the same, and SIM_NEW that nobody has seen, from a seed by the clock, or from
# SIM_FROM. SEED=n replays one, cut down, with a trace. sim-faults: faults put into the program one by one, each of which the
# simulation must find.
SIM       := $(wildcard tests/sim/*.c)
SIM_COUNT ?= 50000
SIM_NEW   ?= 0
SIM_FROM  ?= new
$(B)/sim: $(call obj,$(SIM) $(PLANNER)) $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -o $@
sim: $(B)/sim
	$(Q)$(if $(SEED),$(B)/sim -r $(SEED),$(B)/sim -x all && { $(B)/sim -j 2 -n $(SIM_COUNT); all=$$?; [ $(SIM_NEW) = 0 ] || $(B)/sim -j 2 -n $(SIM_NEW) -s $(SIM_FROM) || all=1; exit $$all; })
	$(Q)$(if $(SEED),,$(san) .build/san/sim && .build/san/sim -j 2 -n 4000 -s 1000000)
sim-faults: $(B)/sim
	$(Q)tests/sim/run-faults $(B)

# Fuzz targets, FUZZ_TIME seconds each, two at a time.
FUZZ      := $(filter-out $(if $(HAS_DISCOVER),,%/fuzz_discover.c),$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_TIME ?= 30
fuzz:
	$(Q)$(again) KIND=fuzz CC=clang CFLAGS='-O1 -g' fuzz-programs
	$(Q)tests/fuzz/run $(FUZZ_TIME) $(FUZZ:%.c=.build/fuzz/%)
fuzz-programs: $(FUZZ:%.c=$(B)/%)
$(FUZZ:%.c=$(B)/%): $(B)/%: $(B)/%.o $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) -fsanitize=fuzzer $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -o $@

# What building, the demo and the tests need, from Debian 12 alone; the servers are only unpacked under .build, and so is mbsync 1.5 of
# Debian 13, beside which tests are left out where it cannot be fetched.
# Where all is there these do nothing.
BUILD_DEPS := gcc libc6-dev make pkg-config libetpan-dev liblmdb-dev libssl-dev libsasl2-dev zlib1g-dev libcurl4-gnutls-dev libexpat1-dev libjansson-dev
DEMO_DEPS  := libsasl2-modules openssl python3
TEST_DEPS  := clang libcmocka-dev libclang-rt-dev libsasl2-modules-db valgrind strace mandoc isync procps dpkg-dev
deps:
	$(Q)tests/deps $(BUILD_DEPS) $(DEMO_DEPS) $(TEST_DEPS)
	$(Q)tests/servers/unpack .build/servers
demo-deps:
	$(Q)tests/deps $(BUILD_DEPS) $(DEMO_DEPS)
	$(Q)tests/servers/unpack .build/servers dovecot

# What cmd/keywords.def says, in the files that tell of it.
DOCS      := contrib/man/mailtwin.5 contrib/completion/mailtwin.bash contrib/completion/_mailtwin contrib/vim/syntax/mbsyncrc.vim
$(B)/docs: $(B)/contrib/docs.o $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -o $@
docs: $(B)/docs
	$(Q)$< $(DOCS)
docs-check: $(B)/docs
	$(Q)$< --check $(DOCS)

layers:
	$(Q)tests/layers.sh
headers: $(HEADERS:%=$(B)/%.ok)
$(B)/%.h.ok: %.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Werror -fsyntax-only -xc -include $< /dev/null && touch $@

# What install puts below PREFIX beside the program: FILE=PLACE.
SHARED := contrib/man/mailtwin.1=share/man/man1/mailtwin.1 contrib/man/mailtwin.5=share/man/man5/mailtwin.5 \
          contrib/man/mailtwin.7=share/man/man7/mailtwin.7 \
          contrib/completion/mailtwin.bash=share/bash-completion/completions/mailtwin \
          contrib/completion/_mailtwin=share/zsh/site-functions/_mailtwin \
          contrib/completion/mailtwin.fish=share/fish/vendor_completions.d/mailtwin.fish \
          contrib/vim/syntax/mbsyncrc.vim=share/vim/vimfiles/syntax/mbsyncrc.vim \
          contrib/vim/ftdetect/mbsyncrc.vim=share/vim/vimfiles/ftdetect/mbsyncrc.vim \
          contrib/systemd/mailtwin.timer=lib/systemd/user/mailtwin.timer \
          mbsyncrc.example=share/doc/mailtwin/mbsyncrc.example
SERVICE := lib/systemd/user/mailtwin.service
LIBEXEC := libexec/mailtwin
install: all
	install -D -m 755 mailtwin '$(DESTDIR)$(PREFIX)/bin/mailtwin'
	$(if $(HAS_DISCOVER),install -D -m 755 mailtwin-discover '$(DESTDIR)$(PREFIX)/$(LIBEXEC)/mailtwin-discover')
	@set -e; for f in $(SHARED); do install -D -m 644 "$${f%%=*}" '$(DESTDIR)$(PREFIX)'/"$${f#*=}"; done
	@sed 's|^ExecStart=mailtwin|ExecStart=$(PREFIX)/bin/mailtwin|' contrib/systemd/mailtwin.service \
		>'$(DESTDIR)$(PREFIX)/$(SERVICE)' && chmod 644 '$(DESTDIR)$(PREFIX)/$(SERVICE)'
uninstall:
	cd '$(DESTDIR)$(PREFIX)' && rm -f bin/mailtwin $(LIBEXEC)/mailtwin-discover $(SERVICE) $(foreach f,$(SHARED),$(lastword $(subst =, ,$(f))))
	-@rmdir '$(DESTDIR)$(PREFIX)/share/doc/mailtwin' '$(DESTDIR)$(PREFIX)/$(LIBEXEC)' 2>/dev/null

# The source as a tarball, of what is committed; a package for Debian of that, looked at by tests/deb.
VERSION = $(shell sed -n 's/^.define MAILTWIN_VERSION "\(.*\)"/\1/p' cmd/version.h)
DEB_DEPS := dpkg-dev debhelper lintian
dist:
	@mkdir -p .build
	git archive --format=tar.gz --prefix=mailtwin-$(VERSION)/ -o .build/mailtwin-$(VERSION).tar.gz HEAD
	@echo .build/mailtwin-$(VERSION).tar.gz
deb: dist
	$(Q)tests/deps $(BUILD_DEPS) $(DEB_DEPS)
	$(Q)rm -rf .build/deb && mkdir -p .build/deb && tar -C .build/deb -xzf .build/mailtwin-$(VERSION).tar.gz && \
		mv .build/deb/mailtwin-$(VERSION)/contrib/debian .build/deb/mailtwin-$(VERSION)/debian
	$(Q)cd .build/deb/mailtwin-$(VERSION) && env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL dpkg-buildpackage -b -us -uc -j2
	$(Q)tests/deb .build/deb/mailtwin_*.deb .build/deb/mailtwin_*.changes
clean:
	rm -rf .build mailtwin mailtwin-discover
help:
	@echo 'targets: all docs check test demo bench unit layers headers clang tsan sim sim-faults e2e crash fuzz deps dist deb install uninstall clean'
	@echo 'knobs:   V=1 DEVELOPER=1 CC=clang KIND=opt|fast|san|tsan|fuzz PREFIX= DESTDIR='
	@echo '         CASES="test_ends ..." for e2e and crash, SEED= SIM_COUNT= SIM_NEW= SIM_FROM= for sim, FUZZ_TIME=30, BENCH="-s 0.1 day"'

.PHONY: all docs docs-check check test demo demo-deps bench unit layers headers clang tsan tsan-unit sim sim-faults e2e crash fuzz fuzz-programs deps dist deb install uninstall clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
