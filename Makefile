# SPDX-License-Identifier: GPL-2.0-or-later
#
# gatehouse. `make help` lists what can be made; `make run` and `make check` are all a newcomer needs.
# Sources are found by folder: a new file in common/, proto/, c2s/, sm/ or t/ needs no line here.

version  := 0.1.0
B        := build
WOLFSSL  ?= lean
CFLAGS   ?= -O2 -g
PREFIX   ?= /usr/local
SYSCONF  ?= /etc
RUN      := run
PORTS    := 5222 5223
S        := 60
T        :=
compiler := $(notdir $(firstword $(CC)))

# --- what the sources are -----------------------------------------------------------------------------------------
parts    := common proto c2s sm
sources  := $(foreach part,$(parts),$(wildcard $(part)/*.c))
headers  := $(foreach part,$(parts),$(wildcard $(part)/*.h))
programs := $(foreach program,c2s sm,$(if $(wildcard $(program)/main.c),$(B)/$(program)))
unit     := $(patsubst %.c,$(B)/%,$(wildcard t/unit/*.c t/table/*.c))
of_tls   := $(addprefix $(B)/system/,$(basename $(wildcard t/unit/tls*.c)))
disk     := $(wildcard t/fault/disk*.c)
fault    := $(patsubst %.c,$(B)/fault/%,$(filter-out $(disk),$(wildcard t/fault/*.c)))
seeded   := $(patsubst %.c,$(B)/%,$(filter-out t/fuzz/main.c,$(wildcard t/fuzz/*.c)))
clients  := $(addprefix $(B)/,$(basename $(wildcard t/clients/*.c t/clients/*.cc)))
scenes   := $(wildcard t/e2e/*.py t/clients/*.py t/fault/*.py)
houses   := $(wildcard t/*.t)

# --- how they are compiled ----------------------------------------------------------------------------------------
# wolfssl.mk says which wolfSSL it is and how to use it; etc/wolfssl/build makes it (and, once, the library).
wolfssl  := build/wolfssl$(if $(filter system,$(WOLFSSL)),-system)
unbuilt  := help clean distclean format packages login.dot
ifneq ($(filter-out $(unbuilt),$(or $(MAKECMDGOALS),all)),)
include $(wolfssl)/wolfssl.mk
endif

warnings := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
            -Wpointer-arith -Wformat=2 -Wundef
defines  := -D_GNU_SOURCE -I. -DGATEHOUSE_VERSION='"$(version)"' -DGATEHOUSE_WOLFSSL='"$(WOLFSSL_NAME)"' \
            -DGATEHOUSE_CONF='"$(SYSCONF)/gatehouse/gatehouse.conf"'
harden   := -fPIE -fstack-protector-strong -fstack-clash-protection
fortify  := $(if $(filter -O1 -O2 -O3 -Os,$(CFLAGS)),-D_FORTIFY_SOURCE=2)
link     := -pie -Wl,-z,relro,-z,now,-z,noexecstack,--as-needed
libs     := -luv -lmxml -lz -lseccomp -lconfuse -lunistring -lidn -lidn2 -lpthread
test_libs := -lcmocka -lexpat -lsqlite3 -lssl -lcrypto

# The variants; each lives in a build folder of its own (see the targets san, fault, cover and fuzz).
ifdef SAN
harden   := -fPIE -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
fortify  :=
endif
ifdef COVER
override CFLAGS := -O0 -g
harden   := -fPIE --coverage -fprofile-update=atomic -DCOVERAGE
fortify  :=
endif
ifdef FUZZ
harden   += -fsanitize=fuzzer-no-link
endif
ifdef FAULTS
defines  += -DFAULTS
endif
ifdef ANALYZE
harden   += -fanalyzer
endif

compile  = $(CC) -std=c11 $(CFLAGS) $(warnings) $(harden) $(fortify) $(defines) $(WOLFSSL_CFLAGS)
linked   = $(CC) $(CFLAGS) $(harden) $(link) $(LDFLAGS)

# Everything is compiled again when the command that compiles it is another one.
ifdef WOLFSSL_NAME
ifneq ($(file <$(B)/flags),$(compile) $(LDFLAGS))
$(shell mkdir -p $(B))
$(file >$(B)/flags,$(compile) $(LDFLAGS))
endif
endif

# --- building -----------------------------------------------------------------------------------------------------
.PHONY: all tests faulty system run check check-guards check-san check-system check-fault check-valgrind fuzz cover lint format \
        man install stage deb check-package clean distclean help packages login.dot
.DELETE_ON_ERROR:
.SECONDARY:

all: $(programs)

say     = $(if $(V),,@printf '  %-3s %s\n' $(1) $(2); )
objects = $(patsubst %.c,$(B)/o/%.o,$(1))
archive = $(patsubst %,$(B)/lib%.a,$(1))

$(B)/o/%.o: %.c $(B)/flags $(wolfssl)/wolfssl.mk | build/deps.build
	@mkdir -p $(@D)
	$(call say,CC,$@)$(compile) -MMD -MP -c $< -o $@

# An archive a part, without its main.c, so that tests may lean on everything.
define part_archive
$(B)/lib$(1).a: $(call objects,$(filter-out %/main.c,$(wildcard $(1)/*.c)))
	@rm -f $$@
	$$(call say,AR,$$@)ar rcs $$@ $$^
endef
$(foreach part,$(parts),$(eval $(call part_archive,$(part))))

$(B)/c2s: $(call objects,$(wildcard c2s/*.c)) $(call archive,proto common)
	$(call say,LD,$@)$(linked) $^ $(libs) $(WOLFSSL_LIBS) -o $@

# With fault points sm's disk fails as it is told (t/fault/disk.h).
$(B)/sm: $(call objects,$(wildcard sm/*.c) $(if $(FAULTS),$(disk))) $(call archive,proto common)
	$(call say,LD,$@)$(linked) $^ $(libs) -lsqlite3 $(WOLFSSL_LIBS) -o $@

# A test is a program, linked with the parts whose headers (or whose helpers, t/lib/<part>_*.h) it includes.
test_sources := $(wildcard t/unit/*.c t/table/*.c t/fault/*.c t/fuzz/*.c)
of_c2s := $(if $(test_sources),$(shell grep -ls '^.include "\(t/lib/c2s_\|c2s/\)' $(test_sources)))
of_sm  := $(if $(test_sources),$(shell grep -ls '^.include "\(t/lib/sm_\|sm/\)' $(test_sources)))
$(call objects,$(test_sources)): | build/deps.test
$(fault:$(B)/fault/%=$(B)/%): $(call objects,$(disk))
$(of_c2s:%.c=$(B)/%): $(call archive,c2s)
$(of_sm:%.c=$(B)/%): $(call archive,sm)
ifdef FUZZ
engine := -fsanitize=fuzzer
else
$(seeded): $(B)/o/t/fuzz/main.o
endif

$(B)/t/%: $(B)/o/t/%.o $(call archive,proto common)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(linked) $(engine) $(filter %.o,$^) $(filter %/libc2s.a,$^) $(filter %/libsm.a,$^) $(call archive,proto common) \
		$(test_libs) $(libs) $(WOLFSSL_LIBS) -o $@

# Other people's clients, as an application of theirs would be compiled; without their library they are not made, and
# the scene skips. What is behind the name of the program is its library's name in pkg-config.
client_library = $(patsubst $*:%,%,$(filter $*:%,strophe:libstrophe gloox:gloox gloox_roster:gloox loudmouth:loudmouth-1.0 purple:purple))
client_flags   = $(shell pkg-config --cflags $(client_library) 2>/dev/null | sed 's/-I/-isystem /g')
client_libs    = $(shell pkg-config --libs $(client_library) 2>/dev/null)
client         = @mkdir -p $(@D); if ! pkg-config --exists '$(client_library)'; then echo '  --  $@: no $(client_library)'; \
	else $(if $(V),set -x;,printf '  %-3s %s\n' LD $@;)
$(B)/t/clients/%_talk: t/clients/%_talk.c | build/deps.client
	$(client) $(CC) -std=c11 -D_GNU_SOURCE -O1 -g $(warnings) $(client_flags) $< $(client_libs) -o $@; fi

$(B)/t/clients/%_talk: t/clients/%_talk.cc | build/deps.client
	$(client) $(CXX) -std=c++17 -O1 -g -Wall -Wextra -Werror -Wshadow $(client_flags) $< $(client_libs) -o $@; fi

# The one that comes from npm.
build/npm/done:
	@mkdir -p $(@D)
	@npm install --prefix $(@D) --no-audit --no-fund --fetch-retries=1 @xmpp/client@0.14.0 >$(@D)/log 2>&1 || \
		echo '  --  xmpp.js cannot be had ($(@D)/log)'
	@touch $@

include t/bench/bench.mk
-include $(wildcard $(B)/o/*/*.d $(B)/o/t/*/*.d)

# --- what must be on the machine ----------------------------------------------------------------------------------
build/deps.%: etc/deps etc/install-deps
	@mkdir -p build
	@etc/install-deps $*
	@touch $@

# Without somebody else's client its scenes skip; nothing else does without.
build/deps.client: etc/deps etc/install-deps
	@mkdir -p build
	@etc/install-deps client || echo 'Going on without them: the scenes of the clients that are missing will be skipped.'
	@touch $@

packages: build/deps.build build/deps.test build/deps.client

build/wolfssl/wolfssl.mk: $(wildcard etc/wolfssl/*) | build/deps.build
	@etc/wolfssl/build build/wolfssl

build/wolfssl-system/wolfssl.mk: $(wildcard etc/wolfssl/*) | build/deps.build
	@etc/wolfssl/build build/wolfssl-system system

# --- running ------------------------------------------------------------------------------------------------------
run: all
	@etc/demo $(B) $(RUN) $(PORTS)

# The tests find the programs in GATEHOUSE_BUILD, those with fault points in its folder fault, those with Debian's
# wolfSSL in its folder system. T=word runs only what has the word in its name.
run_tests = GATEHOUSE_BUILD='$(abspath $(B))' ONLY='$(T)' t/run-tests

tests: $(programs) $(unit) $(seeded) $(clients) build/npm/done

faulty:
	@+$(MAKE) --no-print-directory B=$(B)/fault FAULTS=1 WOLFSSL=$(WOLFSSL) all $(fault)

system:
ifeq ($(WOLFSSL),system)
	@test -L $(B)/system || rm -rf $(B)/system
	@ln -sfn . $(B)/system
else
	@echo '  (and both programs again with the wolfSSL of Debian, in $(B)/system: attacks are tried on both)'
	@+$(MAKE) --no-print-directory B=$(B)/system WOLFSSL=system all $(of_tls)
endif

check: tests faulty system stage
	@$(run_tests) $(scenes) $(fault) $(unit) $(of_tls) $(seeded) $(houses)

check-fault: tests faulty
	@$(run_tests) $(wildcard t/fault/*.py) $(fault)

check-system:
	@echo '  (and both programs again with the wolfSSL of Debian, in $(B)/system: attacks are tried on both)'
	@+$(MAKE) --no-print-directory B=build/system WOLFSSL=system check

check-san: | build/deps.test build/deps.dev
	@+good=true; for compiler in gcc clang; do \
		$(MAKE) --no-print-directory B=build/san-$$compiler CC=$$compiler SAN=1 check || good=false; \
	done; $$good

check-valgrind: tests | build/deps.dev
	@UNDER='valgrind -q --error-exitcode=99 --leak-check=full --child-silent-after-fork=yes' $(run_tests) $(unit)

# What CI does: each compiler, each wolfSSL, and what no test finds by itself. The sanitizers run with clang and Debian's
# wolfSSL, because `check` itself is gcc and the lean one. Scenes wait more than they work, lint only works.
check-guards: | build/deps.test build/deps.dev
	@+t/run-guards '$(MAKE)' build/guards \
		'gcc, lean wolfSSL' 'check' \
		'lint' '+ lint' \
		'clang, ASan and UBSan, wolfSSL of Debian' 'B=build/guard-clang CC=clang SAN=1 WOLFSSL=system check' \
		'valgrind, unit and table tests' 'check-valgrind'

# make fuzz T=scan S=60: what it learns stays in build/fuzz/corpus/scan; a crash is written to build/fuzz/crash-*.
clang = $(if $(findstring clang,$(compiler)),$(CC),clang)
fuzz: | build/deps.test build/deps.dev
	@test -f 't/fuzz/$(T).c' || { echo 'make fuzz T=NAME S=SECONDS, with one of:' \
		$(filter-out main,$(basename $(notdir $(wildcard t/fuzz/*.c)))); exit 1; }
	@+$(MAKE) --no-print-directory B=build/fuzz CC='$(clang)' SAN=1 FUZZ=1 build/fuzz/t/fuzz/$(T)
	@mkdir -p build/fuzz/corpus/$(T)
	build/fuzz/t/fuzz/$(T) -max_total_time=$(S) -timeout=10 -print_final_stats=1 -artifact_prefix=build/fuzz/crash-$(T)- \
		build/fuzz/corpus/$(T) $(wildcard t/fuzz/seeds/$(T))

cover: | build/deps.dev
	@find build/cover -name '*.gcda' -delete 2>/dev/null || true
	@+good=true; $(MAKE) --no-print-directory B=build/cover CC=gcc COVER=1 check || good=false; \
	gcovr --root . --gcov-ignore-parse-errors --filter common/ --filter proto/ --filter c2s/ --filter sm/ --sort-uncovered \
		--txt build/cover/report.txt --html-details build/cover/report.html build/cover/o build/cover/fault/o \
		&& cat build/cover/report.txt && $$good

lint: all | build/deps.dev
	@+good=true; \
	printf '%s\n' $(sources) | xargs -P "$$(nproc)" -I FILE clang-tidy --quiet FILE -- -std=c11 $(warnings) $(defines) \
		$(WOLFSSL_CFLAGS) || good=false; \
	$(MAKE) --no-print-directory -k B=build/analyze CC=gcc ANALYZE=1 all || good=false; \
	t/run-tests $(houses) || good=false; \
	$$good

format:
	clang-format -i $(sources) $(headers) $(wildcard t/*/*.c t/*/*.h)

login.dot: c2s/login.def
	@awk -f etc/login-dot.awk $<

# --- installing ---------------------------------------------------------------------------------------------------
# Manual pages and completion are made of the tables by etc/generate.c.
manuals := $(patsubst etc/man/%.in,$(B)/man/%,$(wildcard etc/man/*.[0-9].in))
UNITS   ?= $(PREFIX)/lib/systemd/system

$(B)/etc/generate: $(B)/o/etc/generate.o $(call archive,common)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(linked) $^ $(libs) $(WOLFSSL_LIBS) -o $@

$(B)/man/%: etc/man/%.in $(B)/etc/generate
	@mkdir -p $(@D)
	$(call say,MAN,$@)$(B)/etc/generate $< >$@

$(B)/completion/sm: etc/completion/sm.in $(B)/etc/generate
	@mkdir -p $(@D)
	$(call say,GEN,$@)$(B)/etc/generate $< >$@

$(B)/sample.conf: etc/sample.sed $(B)/sm
	$(call say,GEN,$@)$(B)/sm --defaults | sed -f $< >$@

man: $(manuals)

# A configuration that is there stays. Packages have other ideas about some folders: SYSCONF, UNITS.
install: all man $(B)/completion/sm $(B)/sample.conf
	@etc/install '$(DESTDIR)' '$(PREFIX)' '$(SYSCONF)' '$(UNITS)' '$(B)'

stage: all man $(B)/completion/sm $(B)/sample.conf
	@rm -rf $(B)/stage
	@etc/install '$(abspath $(B))/stage' /usr /etc /lib/systemd/system '$(B)'

deb: $(wolfssl)/wolfssl.mk | build/deps.package
	@etc/make-deb $(version) $(wolfssl) $(WOLFSSL)

check-package: deb
	@$(run_tests) $(wildcard t/package/*.py)

clean:
	@find build -mindepth 1 -maxdepth 1 ! -name 'wolfssl*' -exec rm -rf {} + 2>/dev/null || true

distclean:
	rm -rf build

help:
	@echo 'make                    both programs: build/c2s and build/sm'
	@echo 'make run                a first server on this machine: accounts, certificate, ports $(PORTS); data stays in $(RUN)/'
	@echo 'make check              every test; T=word: only those with the word in their name'
	@echo 'make check-guards       all that CI does: make check; the same with clang, sanitizers and the wolfSSL of Debian; valgrind; lint'
	@echo 'make check-san          the same under ASan and UBSan, with gcc and with clang'
	@echo 'make check-system       the same with the wolfSSL of Debian instead of the lean one (WOLFSSL=system makes it so)'
	@echo 'make check-fault        only the fault tests: kill -9, disks that fail, the power, failing allocations'
	@echo 'make check-valgrind     unit and table tests under valgrind'
	@echo 'make fuzz T=scan S=60   fuzz t/fuzz/scan.c for a minute'
	@echo 'make cover              lines covered by make check: build/cover/report.html'
	@echo 'make bench              load against the server and against its floor: a table; SCENES="login chat" SECONDS=5 (t/bench/README.md)'
	@echo 'make bench-alike        how much longer a refused login takes when the account exists (t/bench/alike.c)'
	@echo 'make bench-peers        the same load against ejabberd, Prosody and jabberd2 of Debian (installs them): table, bars'
	@echo 'make lint               clang-tidy, gcc -fanalyzer, and t/house.t'
	@echo 'make format             clang-format over everything'
	@echo 'make login.dot          the graph of the login table, for dot(1)'
	@echo 'make man                the manual pages: $(B)/man'
	@echo 'make install            DESTDIR= PREFIX=$(PREFIX) SYSCONF=$(SYSCONF): everything that a service needs'
	@echo 'make deb                a Debian package: build/deb'
	@echo 'make check-package      installs, starts, upgrades, removes and purges it in a small Debian of its own (as root);'
	@echo '                        build/deb/transcript.txt: a stranger doing that, step by step'
	@echo 'make packages           install what is missing of etc/deps; make clean; make distclean (wolfSSL too)'
	@echo 'CC=clang, CFLAGS=, LDFLAGS= and B= (build folder) may be given to each; V=1 shows the commands.'
