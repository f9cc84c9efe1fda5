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
# libetpan's own pkg-config file asks for gnutls and Berkeley DB, which nothing here uses.
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -letpan
WARN      := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings \
             -Wformat=2 -Wvla $(if $(DEVELOPER),-Werror)
SAN_opt   :=
SAN_san   := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
SAN_tsan  := -fsanitize=thread
SAN_fuzz  := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
COMPILE    = $(CC) -std=c11 -D_GNU_SOURCE -pthread -I. $(WARN) $(PKG_CFLAGS) $(SAN_$(KIND)) $(CFLAGS)

STATE     := $(wildcard state/*.c state/*/*.c)
SYNC      := $(wildcard sync/*/*.c)
CMD       := $(filter-out cmd/main.c,$(wildcard cmd/*.c cmd/*/*.c))
# The planner and what it may stand on: its tests link these and nothing else, which proves it pure.
PURE      := $(wildcard sync/plan/*.c state/model/*.c) $(filter-out %/step.c %/proc.c,$(wildcard state/base/*.c))
UNIT      := $(wildcard tests/unit/test_*.c)
PURE_UNIT := $(filter tests/unit/test_plan%,$(UNIT))
HEADERS   := $(wildcard cmd/*.h cmd/*/*.h sync/*/*.h state/*.h state/*/*.h)
obj        = $(patsubst %.c,$(B)/%.o,$(1))

Q   = $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $@;)

all: mailtwin

mailtwin: $(B)/mailtwin
	$(Q)ln -f $< $@ 2>/dev/null || cp -f $< $@
$(B)/mailtwin: $(B)/cmd/main.o $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -o $@
$(B)/mailtwin.a: $(call obj,$(STATE) $(SYNC) $(CMD))
	$(call say,AR)rm -f $@; $(AR) rcs $@ $^
$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC)$(COMPILE) -MMD -MP -c $< -o $@
$(B)/flags: FORCE
	@mkdir -p $(@D); echo '$(COMPILE)' | cmp -s - $@ || echo '$(COMPILE)' >$@

$(PURE_UNIT:%.c=$(B)/%): $(B)/%: $(B)/%.o $(call obj,$(PURE))
	$(call say,LD)$(COMPILE) $(LDFLAGS) $^ -lcmocka -o $@
$(patsubst %.c,$(B)/%,$(filter-out $(PURE_UNIT),$(UNIT))): $(B)/%: $(B)/%.o $(B)/mailtwin.a
	$(call say,LD)$(COMPILE) $(LDFLAGS) $^ $(PKG_LIBS) $(LDLIBS) -lcmocka -o $@

# Everything fast: layers, headers, unit tests and plan cases under the sanitizers.
check: layers headers
	$(Q)$(MAKE) --no-print-directory KIND=san DEVELOPER=1 CFLAGS='-O1 -g' unit
unit: $(UNIT:%.c=$(B)/%)
	$(Q)for t in $^; do echo "  TEST $$t"; $$t || exit 1; done

layers:
	$(Q)tests/layers.sh
headers: $(HEADERS:%=$(B)/%.ok)
$(B)/%.h.ok: %.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -Werror -fsyntax-only -xc -include $< /dev/null && touch $@

install: all
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 mailtwin $(DESTDIR)$(PREFIX)/bin
clean:
	rm -rf .build mailtwin
help:
	@echo 'targets: all check test bench demo unit layers headers deps install clean'
	@echo 'knobs:   V=1 DEVELOPER=1 CC=clang KIND=opt|san|tsan|fuzz PREFIX= DESTDIR='

.PHONY: all check unit layers headers install clean help FORCE
.SECONDARY:
.DELETE_ON_ERROR:
-include $(shell find $(B) -name '*.d' 2>/dev/null)
