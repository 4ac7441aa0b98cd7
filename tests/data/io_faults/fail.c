/*
 * A disk that fails on demand, for tests/httpd/io_faults.rs: loaded before libc, it counts the calls that write below one
 * directory, and lets the n-th fail, or all from the n-th on.
 *
 * What is to fail stands in a file that both sides have mapped; PALISADE_FAULTS names it, PALISADE_FAULTS_BELOW the
 * directory. Logs of httpd's own in it are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN = 1, WRITE = 2, PLACED_WRITE = 4, RENAME = 8, DIRECTORY = 16, SIZE = 32, SYNC = 64, LOCK = 128 };

struct plan {
    uint32_t kinds;   /* which calls count; 0: none */
    uint32_t number;  /* which of them fails, from 1 on */
    uint32_t lasting; /* and all that follow */
    uint32_t error;   /* errno */
    uint32_t counted;
    uint32_t failed;
};

static struct plan *plan;
static const char *below;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("PALISADE_FAULTS");
    below = getenv("PALISADE_FAULTS_BELOW");
    if (!name || !below) return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, name, O_RDWR | O_CLOEXEC, 0);
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof(struct plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    syscall(SYS_close, fd);
    if (page != MAP_FAILED) plan = page;
}

static int counts(const char *path) {
    static const char *const httpds[] = {"/error.log", "/access.log", "/stderr.log", "/httpd.pid", "/htdocs"};
    size_t length = strlen(below);
    if (strncmp(path, below, length) != 0) return 0;
    for (size_t i = 0; i < sizeof httpds / sizeof *httpds; i++)
        if (strncmp(path + length, httpds[i], strlen(httpds[i])) == 0) return 0;
    return 1;
}

/* Whether this call fails; then errno is set. */
static int fails(enum kind kind, const char *path) {
    if (!plan || !(plan->kinds & kind) || !path || !counts(path)) return 0;
    uint32_t number = __atomic_add_fetch(&plan->counted, 1, __ATOMIC_SEQ_CST);
    if (number != plan->number && !(plan->lasting && number > plan->number)) return 0;
    __atomic_add_fetch(&plan->failed, 1, __ATOMIC_SEQ_CST);
    errno = (int)plan->error;
    return 1;
}

static int fails_at(enum kind kind, int fd) {
    char link[64], path[PATH_MAX];
    if (!plan || !(plan->kinds & kind)) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0) return 0;
    path[length] = 0;
    return fails(kind, path);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int writes(int flags) { return (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0; }

#define OPENING(name)                                             \
    int name(const char *path, int flags, ...) {                  \
        va_list rest;                                             \
        va_start(rest, flags);                                    \
        mode_t mode = va_arg(rest, mode_t);                       \
        va_end(rest);                                             \
        if (writes(flags) && fails(OPEN, path)) return -1;        \
        return NEXT(name)(path, flags, mode);                     \
    }
OPENING(open)
OPENING(open64)

#define OPENING_AT(name)                                          \
    int name(int at, const char *path, int flags, ...) {          \
        va_list rest;                                             \
        va_start(rest, flags);                                    \
        mode_t mode = va_arg(rest, mode_t);                       \
        va_end(rest);                                             \
        if (writes(flags) && fails(OPEN, path)) return -1;        \
        return NEXT(name)(at, path, flags, mode);                 \
    }
OPENING_AT(openat)
OPENING_AT(openat64)

ssize_t write(int fd, const void *bytes, size_t size) {
    return fails_at(WRITE, fd) ? -1 : NEXT(write)(fd, bytes, size);
}
ssize_t writev(int fd, const struct iovec *parts, int count) {
    return fails_at(WRITE, fd) ? -1 : NEXT(writev)(fd, parts, count);
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) {
    return fails_at(PLACED_WRITE, fd) ? -1 : NEXT(pwrite)(fd, bytes, size, at);
}
ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at) {
    return fails_at(PLACED_WRITE, fd) ? -1 : NEXT(pwrite64)(fd, bytes, size, at);
}
int rename(const char *from, const char *to) { return fails(RENAME, from) ? -1 : NEXT(rename)(from, to); }
int link(const char *from, const char *to) { return fails(RENAME, to) ? -1 : NEXT(link)(from, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    return fails(RENAME, to) ? -1 : NEXT(linkat)(a, from, b, to, flags);
}
int mkdir(const char *path, mode_t mode) { return fails(DIRECTORY, path) ? -1 : NEXT(mkdir)(path, mode); }
int chmod(const char *path, mode_t mode) { return fails(DIRECTORY, path) ? -1 : NEXT(chmod)(path, mode); }
int fchmod(int fd, mode_t mode) { return fails_at(DIRECTORY, fd) ? -1 : NEXT(fchmod)(fd, mode); }
int ftruncate(int fd, off_t size) { return fails_at(SIZE, fd) ? -1 : NEXT(ftruncate)(fd, size); }
int ftruncate64(int fd, off64_t size) { return fails_at(SIZE, fd) ? -1 : NEXT(ftruncate64)(fd, size); }
int fsync(int fd) { return fails_at(SYNC, fd) ? -1 : NEXT(fsync)(fd); }
int fdatasync(int fd) { return fails_at(SYNC, fd) ? -1 : NEXT(fdatasync)(fd); }
int flock(int fd, int how) { return fails_at(LOCK, fd) ? -1 : NEXT(flock)(fd, how); }
