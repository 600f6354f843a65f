# SPDX-License-Identifier: GPL-2.0-or-later
#
# The benchmark's programs, and its targets. load is the load generator (OpenSSL), floor the server without XML and logic
# (wolfSSL, as c2s), accounts fills a store.db. t/bench/README.md has the options.
bench_load := $(B)/t/bench/load
bench_floor := $(B)/t/bench/floor
bench_accounts := $(B)/t/bench/accounts
bench_alike := $(B)/t/bench/alike
bench := $(bench_load) $(bench_floor) $(bench_accounts)
bench_objects = $(call objects,$(patsubst %,t/bench/%.c,$(1)))

.PHONY: bench bench-peers bench-alike

$(call bench_objects,load wire client mechanism scram scenes chat offline meter floor floor_tls floor_house accounts alike): | build/deps.test

$(bench_load): $(call bench_objects,load wire client mechanism scram scenes chat offline meter) $(call archive,common)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(linked) $^ -lssl -lcrypto -o $@

$(bench_floor): $(call bench_objects,floor floor_tls floor_house) $(call archive,common)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(linked) $^ $(WOLFSSL_LIBS) -o $@

$(bench_accounts): $(call bench_objects,accounts) $(call archive,sm proto common)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(linked) $^ $(libs) -lsqlite3 $(WOLFSSL_LIBS) -o $@

$(bench_alike): $(call bench_objects,alike) $(call archive,c2s sm proto common)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(linked) $^ $(libs) -lsqlite3 $(WOLFSSL_LIBS) -o $@

# How much longer a refused login takes when the account exists.
bench-alike: $(bench_alike)
	@$(bench_alike)

bench: $(programs) $(bench)
	@GATEHOUSE_BUILD='$(abspath $(B))' /usr/bin/python3 t/bench/run

# Installs Debian's ejabberd, prosody and jabberd2, without starting their services.
bench-peers: $(programs) $(bench)
	@GATEHOUSE_BUILD='$(abspath $(B))' SVG=t/bench/peers.svg /usr/bin/python3 t/bench/peers

-include $(wildcard $(B)/o/t/bench/*.d)
