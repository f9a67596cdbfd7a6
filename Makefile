# t2tui: make (build), make run, make test, make help
.DEFAULT_GOAL := all
MAKEFLAGS += --no-builtin-rules

PREFIX  ?= /usr/local
DESTDIR ?=
B       ?= build
CC      ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
SHARED  ?= ../shared
VERSION := 0.1.0

PACKAGES := gcc make pkg-config libncurses-dev libblis-pthread-dev liblapacke-dev liblapack-dev \
            libgfortran-12-dev libsqlite3-dev libpcre2-dev libjansson-dev libutf8proc-dev libxxhash-dev libinih-dev
TEST_PACKAGES := libcmocka-dev tmux mandoc clang-format sqlite3 jq

# BLIS has no .pc file; static, so that --as-needed cannot put another BLAS under LAPACK.
LIBDIR   := /usr/lib/$(shell $(CC) -dumpmachine)
INCDIR   := /usr/include/$(shell $(CC) -dumpmachine)
BLAS_CFLAGS := -isystem $(INCDIR)/blis-pthread
BLAS_LIBS := $(LIBDIR)/liblapacke.a $(LIBDIR)/lapack/liblapack.a $(LIBDIR)/blis-pthread/libblis.a -lgfortran -lpthread -lm
PC       := ncursesw sqlite3 libpcre2-8 jansson libutf8proc libxxhash inih
PC_CFLAGS := $(shell pkg-config --cflags $(PC) 2>/dev/null)
PC_LIBS   := $(shell pkg-config --libs $(PC) 2>/dev/null)

OPT      ?= -O2 -g
# make V=1 shows the commands
ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-4s %s\n'
endif
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes
CPPFLAGS += -I. -I$(B) -D_GNU_SOURCE -DT2_VERSION='"$(VERSION)"' -DT2_PREFIX='"$(PREFIX)"' $(PC_CFLAGS) $(BLAS_CFLAGS)
CFLAGS   := -std=c11 $(OPT) $(WARN) -fno-math-errno -ffp-contract=off $(SAN)
LIBS     := $(BLAS_LIBS) $(PC_LIBS) -lpthread -lm
TEST_LIBS := $(shell pkg-config --libs cmocka 2>/dev/null)

ENGINE_SRC := $(sort $(wildcard engine/*/*.c))
STORE_SRC  := $(sort $(wildcard store/*.c))
TUI_SRC    := $(sort $(wildcard tui/*.c tui/*/*.c))
LIB_SRC    := $(ENGINE_SRC) $(STORE_SRC) $(filter-out tui/main.c,$(TUI_SRC))
SAMPLE_SRC := $(sort $(wildcard samples/make/*.c))
UNIT_SRC   := $(sort $(wildcard tests/unit/*.c))
TLIB_SRC   := $(sort $(wildcard tests/lib/*.c))

obj = $(patsubst %.c,$(B)/%.o,$(1))
UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/tests/%,$(UNIT_SRC))

.PHONY: all run test check check-asan check-tsan check-walls check-format check-man bench install uninstall deps deps-test \
        clean help build-tests

all: need $(B)/t2tui

.PHONY: need
need:
	@missing=; for p in $(PC); do pkg-config --exists $$p 2>/dev/null || missing="$$missing $$p"; done; \
	[ -f $(LIBDIR)/blis-pthread/libblis.a ] || missing="$$missing blis"; \
	[ -f $(LIBDIR)/liblapacke.a ] || missing="$$missing lapacke"; \
	[ -f $(LIBDIR)/lapack/liblapack.a ] || missing="$$missing lapack"; \
	if [ -n "$$missing" ]; then echo "t2tui: missing:$$missing" >&2; \
	echo "t2tui: 'make deps' installs them, or: apt-get install $(PACKAGES)" >&2; exit 1; fi

$(B)/libt2.a: $(call obj,$(LIB_SRC))
	@rm -f $@
	$(say) AR $@
	$(Q)ar rcsP $@ $^

$(B)/t2tui: $(call obj,tui/main.c) $(B)/libt2.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(B)/make-samples: $(call obj,$(SAMPLE_SRC)) $(B)/libt2.a
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

# schema and migrations as C strings, so that the binary needs no file beside it
$(B)/store/%.sql.h: store/%.sql
	@mkdir -p $(@D)
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@

$(B)/store/store.o: $(patsubst %,$(B)/%.h,$(wildcard store/*.sql))

# Inner loops begin where the processor's instruction cache lines do: what else is linked in must not decide by a quarter
# how fast they run.
$(B)/engine/linalg/%.o: CFLAGS += -falign-functions=64 -falign-loops=64

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(say) CC $<
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/%: $(B)/tests/unit/%.o $(call obj,$(TLIB_SRC)) $(B)/libt2.a
	@mkdir -p $(@D)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(TEST_LIBS) $(LIBS)

$(B)/tests/test_world: $(filter-out %/main.o,$(call obj,$(SAMPLE_SRC)))

build-tests: $(UNIT_BIN)

# Opens the workbench on the sample model; without a terminal it runs the same main job and prints it.
run: deps
	@sh tests/lib/build.sh "$(V)" $(B)-run.log $(MAKE) --no-print-directory -j$$(nproc) $(B)/t2tui
	@if [ -t 0 ] && [ -t 1 ]; then exec $(B)/t2tui sample; else exec $(B)/t2tui tour sample; fi

test: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) $(B)/t2tui build-tests
	@T2_SHARED="$(SHARED)" sh tests/run.sh $(B) $(TESTS)

check: check-walls check-format check-man

check-walls:
	@sh tests/lib/walls.sh

check-format:
	@git ls-files '*.c' '*.h' | xargs clang-format --dry-run -Werror

check-man:
	@mandoc -Tlint -Wwarning man/*.[1-9] && echo "manual: clean"

# The tests again under sanitizers, in build folders of their own.  Reports go to files: those of a trainer that runs on
# its own, or of a program whose failure a test expects, would be seen by nobody; tests/run.sh counts each as a failure.
# The paths are whole ones, because tests run the program from other folders too.
check-asan: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) B=build-asan OPT="-O1 -g" SAN="-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer" build-asan/t2tui build-tests
	@T2_SHARED="$(SHARED)" ASAN_OPTIONS="detect_leaks=1:log_path='$(CURDIR)/build-asan/report'" sh tests/run.sh build-asan $(TESTS)

check-tsan: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) B=build-tsan OPT="-O1 -g" SAN="-fsanitize=thread" build-tsan/t2tui build-tests
	@T2_SHARED="$(SHARED)" TSAN_OPTIONS="log_path='$(CURDIR)/build-tsan/report'" sh tests/run.sh build-tsan $(TESTS)

bench: all
	@$(B)/t2tui bench $(MODEL)

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/man/man7 $(DESTDIR)$(PREFIX)/share/t2tui/themes
	install -m 755 $(B)/t2tui $(DESTDIR)$(PREFIX)/bin/t2tui
	for s in 1 5 7; do install -m 644 man/*.$$s $(DESTDIR)$(PREFIX)/share/man/man$$s/; done
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	$(B)/t2tui completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/t2tui
	$(B)/t2tui completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_t2tui
	$(B)/t2tui completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/t2tui.fish
	install -m 644 themes/*.theme $(DESTDIR)$(PREFIX)/share/t2tui/themes/
	cd samples && find model tasks experts -type f | while read -r f; do \
		install -D -m 644 "$$f" "$(DESTDIR)$(PREFIX)/share/t2tui/samples/$$f"; done

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/t2tui
	for f in man/*.[1-9]; do rm -f $(DESTDIR)$(PREFIX)/share/man/man$${f##*.}/$${f##*/}; done
	rm -f $(DESTDIR)$(PREFIX)/share/bash-completion/completions/t2tui \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions/_t2tui \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/t2tui.fish
	rm -rf $(DESTDIR)$(PREFIX)/share/t2tui

deps:
	@sh tests/lib/deps.sh "$(PACKAGES)"

deps-test:
	@sh tests/lib/deps.sh "$(PACKAGES) $(TEST_PACKAGES)"

clean:
	rm -rf build build-asan build-tsan

help:
	@echo "make            build $(B)/t2tui"
	@echo "make run        install what is missing, build, open the workbench on the sample model (V=1: show the commands)"
	@echo "make test       build and run every test (TESTS=test_x for some; SHARED=../shared for goldens)"
	@echo "make check      walls, formatting, manual pages"
	@echo "make check-asan / check-tsan   the tests under sanitizers"
	@echo "make bench      measured speed beside this machine's limits (MODEL=path)"
	@echo "make install / uninstall   PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)"
	@echo "make deps       install the Debian packages it needs"

-include $(patsubst %.o,%.d,$(call obj,$(LIB_SRC) tui/main.c $(SAMPLE_SRC) $(UNIT_SRC) $(TLIB_SRC)))
.SECONDARY:
