/* A clock of its own for the processes of a round: LD_PRELOAD shifts the time of day by the seconds in a file.
 *
 * Only the time of day changes. Monotonic clocks and sleeps stay as they are, as when somebody sets the clock.
 * libfaketime 0.9.10 breaks sleeps until a moment of the monotonic clock, such as Python's time.sleep.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile const int64_t *shift;

__attribute__((constructor)) static void open_shift(void) {
    const char *name = getenv("TORTURE_CLOCK");
    int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *shift, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) shift = mapped;
    close(file);
}

static int64_t seconds(void) { return shift ? *shift : 0; }

int clock_gettime(clockid_t clock, struct timespec *result) {
    int failed = syscall(SYS_clock_gettime, clock, result);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) result->tv_sec += seconds();
    return failed;
}

int gettimeofday(struct timeval *restrict result, void *restrict zone) {
    int failed = syscall(SYS_gettimeofday, result, zone);
    if (!failed && result) result->tv_sec += seconds();
    return failed;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

/* The kernel compares with its own time of day. */
int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    static int (*original)(sem_t *restrict, const struct timespec *restrict);
    struct timespec real = *until;
    if (!original) *(void **)&original = dlsym(RTLD_NEXT, "sem_timedwait");
    real.tv_sec -= seconds();
    return original(semaphore, &real);
}
