# SPDX-License-Identifier: MIT
# Installation and packages: install, deb, rpm; manual pages and completions, which are made from the tables of the
# programs.
#
#   DESTDIR=      staging directory          PREFIX=/usr/local      SYSCONFDIR, UNITDIR, LIBDIR ...: below

SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/mstat
# Where systemd looks, whatever the prefix (it reads /usr/local/lib/systemd, too).
UNITDIR ?= $(PREFIX)/lib/systemd/system
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
TMPFILESDIR ?= $(PREFIX)/lib/tmpfiles.d
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
# The day of the sources, so that a page is the same wherever it is made.
PAGE_TIME := $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null || date +%s))
PAGE_DATE := $(shell LC_ALL=C date -u -d @$(PAGE_TIME) '+%B %-d, %Y')

GENERATE := $(BUILD)/generate
COMMANDS := $(shell sed -n 's/^MSTAT_COMMAND.\([a-z]*\),.*/\1/p' tools/mstat/commands.def)
PAGES := $(addprefix $(BUILD)/man/,mstatd.8 mstatd.yaml.5 mstat.1 libmstat.3 mstat-segment.5 $(COMMANDS:%=mstat-%.1))
COMPLETIONS := $(foreach shell,bash zsh,$(foreach program,mstat mstatd,$(BUILD)/completions/$(shell)/$(program)))
UNITS := $(addprefix $(BUILD)/systemd/,mstatd.service mstatd.socket run-mstat.mount)

page_filter = sed -e 's|@DATE@|$(PAGE_DATE)|; s|@VERSION@|$(VERSION)|; s|@SYSCONFDIR@|$(SYSCONFDIR)|g' \
	-e 's|@DOCDIR@|$(DOCDIR)|g; s|@SBINDIR@|$(PREFIX)/sbin|g'

$(BUILD)/obj/packaging/%.o: packaging/%.c | deps
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -Iagentd -I. -c $< -o $@

$(GENERATE): $(call objects,$(wildcard packaging/man/*.c)) $(BUILD)/libagent.a
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -pie -o $@ $^ $(AGENT_LIBS)

# What is written into pages and units besides the tables; newer than they are when it has changed.
INSERTED := $(BUILD)/inserted
ifneq ($(file <$(INSERTED)),$(PREFIX) $(SYSCONFDIR) $(DOCDIR) $(PAGE_DATE))
.PHONY: $(INSERTED)
endif
$(INSERTED):
	@mkdir -p $(@D)
	@echo '$(PREFIX) $(SYSCONFDIR) $(DOCDIR) $(PAGE_DATE)' > $@

$(BUILD)/man/mstat-%.1: $(GENERATE) $(INSERTED)
	@mkdir -p $(@D)
	$(Q)set -o pipefail; $(GENERATE) command $* | $(page_filter) > $@

$(BUILD)/man/%: packaging/man/%.in $(GENERATE) $(INSERTED)
	@mkdir -p $(@D)
	$(Q)set -o pipefail; $(GENERATE) page < $< | $(page_filter) > $@

$(BUILD)/completions/%: $(GENERATE)
	@mkdir -p $(@D)
	$(Q)$(GENERATE) completion $(subst /, ,$*) > $@

$(BUILD)/systemd/mstatd.service: packaging/systemd/mstatd.service.in $(INSERTED)
	@mkdir -p $(@D)
	$(Q)$(page_filter) $< > $@

$(BUILD)/systemd/%: packaging/systemd/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

.PHONY: pages
pages: $(PAGES) $(COMPLETIONS) ## manual pages and completions, into build/man and build/completions

# ---- install --------------------------------------------------------------------------------------------------------
INSTALL := install
to = $(DESTDIR)$(1)
# put MODE,DIRECTORY,FILES
put = $(Q)$(INSTALL) -d $(call to,$(2)) && $(INSTALL) -m $(1) $(3) $(call to,$(2))

.PHONY: install install-library install-agent install-pages
install: install-library install-agent install-pages ## into $(DESTDIR)$(PREFIX)

# The shared library's name, as others ask for it, leads to the file of this version.
install-library: $(BUILD)/libmstat.so $(BUILD)/libmstat.a
	$(call put,644,$(LIBDIR),$(BUILD)/libmstat.a)
	$(Q)$(INSTALL) -m 644 $(BUILD)/libmstat.so.$(ABI) $(call to,$(LIBDIR))/libmstat.so.$(ABI).$(VERSION:$(ABI).%=%)
	$(Q)ln -sf libmstat.so.$(ABI).$(VERSION:$(ABI).%=%) $(call to,$(LIBDIR))/libmstat.so.$(ABI)
	$(Q)ln -sf libmstat.so.$(ABI) $(call to,$(LIBDIR))/libmstat.so
	$(call put,644,$(PREFIX)/include/mstat,include/mstat/*.h include/mstat/*.def)
	$(Q)$(INSTALL) -d $(call to,$(LIBDIR)/pkgconfig)
	$(Q)sed 's|@VERSION@|$(VERSION)|; s|@PREFIX@|$(PREFIX)|; s|@LIBDIR@|$(LIBDIR)|' packaging/mstat.pc.in \
		> $(call to,$(LIBDIR)/pkgconfig)/mstat.pc

install-agent: $(BUILD)/mstatd $(BUILD)/mstat $(UNITS)
	$(call put,755,$(PREFIX)/sbin,$(BUILD)/mstatd)
	$(call put,755,$(PREFIX)/bin,$(BUILD)/mstat)
	$(call put,644,$(UNITDIR),$(UNITS))
	$(Q)$(INSTALL) -d $(call to,$(SYSUSERSDIR)) $(call to,$(TMPFILESDIR))
	$(Q)$(INSTALL) -m 644 packaging/systemd/mstat.sysusers $(call to,$(SYSUSERSDIR))/mstat.conf
	$(Q)$(INSTALL) -m 644 packaging/systemd/mstat.tmpfiles $(call to,$(TMPFILESDIR))/mstat.conf
	$(Q)$(INSTALL) -d $(call to,$(SYSCONFDIR)/mstat)
	$(Q)[ -e $(call to,$(SYSCONFDIR)/mstat)/mstatd.yaml ] || \
		$(INSTALL) -m 644 packaging/mstatd.yaml $(call to,$(SYSCONFDIR)/mstat)
	$(call put,644,$(DOCDIR)/examples,packaging/systemd/examples/*.conf)
	$(call put,644,$(DOCDIR)/examples/kubernetes,packaging/kubernetes/*.yaml)

install-pages: $(PAGES) $(COMPLETIONS)
	$(call put,644,$(MANDIR)/man1,$(filter %.1,$(PAGES)))
	$(call put,644,$(MANDIR)/man3,$(filter %.3,$(PAGES)))
	$(call put,644,$(MANDIR)/man5,$(filter %.5,$(PAGES)))
	$(call put,644,$(MANDIR)/man8,$(filter %.8,$(PAGES)))
	$(call put,644,$(BASHDIR),$(filter $(BUILD)/completions/bash/%,$(COMPLETIONS)))
	$(Q)$(INSTALL) -d $(call to,$(ZSHDIR))
	$(Q)for program in mstat mstatd; do \
		$(INSTALL) -m 644 $(BUILD)/completions/zsh/$$program $(call to,$(ZSHDIR))/_$$program; done

# ---- packages -------------------------------------------------------------------------------------------------------
# From a copy of the sources: packagers' tools want their directory at its top.

# Where rpm did not install the machine it cannot know what is there.
RPM_FLAGS ?= $(shell rpm -q rpm >/dev/null 2>&1 || echo --nodeps)

NAME_VERSION := mstat-$(VERSION)
# wants PROGRAM,PACKAGE
wants = $(Q)command -v $(1) >/dev/null || { echo 'make: $(1) is missing: install the package $(2)' >&2; exit 1; }

.PHONY: deb rpm
deb: ## Debian packages, into build/deb (wants debhelper)
	$(call wants,dh,debhelper)
	$(Q)rm -rf $(BUILD)/deb && mkdir -p $(BUILD)/deb/$(NAME_VERSION)
	$(Q)packaging/copy-sources $(BUILD)/deb/$(NAME_VERSION)
	$(Q)mv $(BUILD)/deb/$(NAME_VERSION)/packaging/debian $(BUILD)/deb/$(NAME_VERSION)/debian
	$(Q)cd $(BUILD)/deb/$(NAME_VERSION) && $(if $(filter 0,$(BPF)),DEB_BUILD_PROFILES=pkg.mstat.nobpf) \
		dpkg-buildpackage --build=binary --no-sign $(DEB_FLAGS) > ../build.log 2>&1 || \
		{ tail -n 30 ../build.log; exit 1; }
	@ls $(BUILD)/deb/*.deb

rpm: ## RPM packages, into build/rpm (wants rpmbuild)
	$(call wants,rpmbuild,rpm)
	$(Q)rm -rf $(BUILD)/rpm && mkdir -p $(BUILD)/rpm/SOURCES $(BUILD)/rpm/$(NAME_VERSION)
	$(Q)packaging/copy-sources $(BUILD)/rpm/$(NAME_VERSION)
	$(Q)tar -czf $(BUILD)/rpm/SOURCES/$(NAME_VERSION).tar.gz -C $(BUILD)/rpm $(NAME_VERSION)
	$(Q)rpmbuild -bb $(if $(filter 0,$(BPF)),--without bpf) $(RPM_FLAGS) --define '_topdir $(abspath $(BUILD)/rpm)' \
		--define 'mstat_version $(VERSION)' packaging/rpm/mstat.spec > $(BUILD)/rpm/build.log 2>&1 || \
		{ tail -n 30 $(BUILD)/rpm/build.log; exit 1; }
	@find $(BUILD)/rpm/RPMS -name '*.rpm'

.PHONY: check-packages
check-packages: ## the packages on a fresh Debian (wants root, debootstrap; a minute, the first time two)
	@$(if $(filter 1,$(DEPS)),packaging/install-deps package)
	@MSTAT_TEST_TIMEOUT=600 tests/run $(wildcard tests/packages/test_*.sh)
