/*
 * test_files.c - core/files/: a file is whole or not there, whatever step fails or is the last; it
 * belongs to one session, and goes with its last name.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "files/files_private.h"
#include "files/quota.h"
#include "tests/check.h"

/* ---- A disk on which one step goes wrong (ld --wrap) ---------------------------------------- */

ssize_t __real_write(int fd, const void *p, size_t len);
int __real_fsync(int fd);
int __real_linkat(int olddir, const char *old, int newdir, const char *new, int flags);
int __real_renameat(int olddir, const char *old, int newdir, const char *new);
int __real_unlinkat(int dir, const char *path, int flags);
int __real_mkdirat(int dir, const char *path, mode_t mode);
ssize_t __wrap_write(int fd, const void *p, size_t len);
int __wrap_fsync(int fd);
int __wrap_linkat(int olddir, const char *old, int newdir, const char *new, int flags);
int __wrap_renameat(int olddir, const char *old, int newdir, const char *new);
int __wrap_unlinkat(int dir, const char *path, int flags);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);

static unsigned steps, bad_step; /* bad_step: this one fails, from 1; 0: none does */
static int bad_errno;            /* 0: the process ends there */

static int goes_wrong(void)
{
    if (++steps != bad_step)
        return 0;
    if (bad_errno == 0)
        _exit(7);
    errno = bad_errno;
    return 1;
}

ssize_t __wrap_write(int fd, const void *p, size_t len)
{
    if (goes_wrong())
        return -1;
    return __real_write(fd, p, len);
}

int __wrap_fsync(int fd)
{
    return goes_wrong() ? -1 : __real_fsync(fd);
}

int __wrap_linkat(int olddir, const char *old, int newdir, const char *new, int flags)
{
    return goes_wrong() ? -1 : __real_linkat(olddir, old, newdir, new, flags);
}

int __wrap_renameat(int olddir, const char *old, int newdir, const char *new)
{
    return goes_wrong() ? -1 : __real_renameat(olddir, old, newdir, new);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
    if (bad_errno == 0 && goes_wrong()) /* only a crash: a disk that is full still lets go */
        return -1;
    return __real_unlinkat(dir, path, flags);
}

int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
    return goes_wrong() ? -1 : __real_mkdirat(dir, path, mode);
}

/* ---- The fixture ---------------------------------------------------------------------------- */

struct fix {
    char dir[64], path[80];
    struct disk disk;
    uint64_t last;
};

static const struct ulid ours = { { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 } };
static const struct ulid theirs = { { 9, 9, 9, 9, 9, 9, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17 } };
static const struct ulid nobodys;
static struct fix fix;

static void disk_again(void)
{
    struct err err;

    fix.disk = (struct disk){ .dir = -1 };
    if (disk_open(&fix.disk, fix.path, &err) != 0)
        fail_msg("%s", err.text);
}

static int begin(void **state)
{
    (void)state;
    steps = bad_step = 0;
    snprintf(fix.dir, sizeof fix.dir, "files_test_XXXXXX");
    if (mkdtemp(fix.dir) == NULL)
        return -1;
    snprintf(fix.path, sizeof fix.path, "%s/files", fix.dir);
    disk_again();
    return 0;
}

static int end(void **state)
{
    char command[100];

    (void)state;
    bad_step = 0;
    disk_close(&fix.disk);
    snprintf(command, sizeof command, "rm -rf %s", fix.dir);
    return system(command);
}

static size_t count_in(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;
    size_t n = 0;
    char below[512];

    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        struct stat st;

        snprintf(below, sizeof below, "%s/%.200s", path, entry->d_name);
        if (entry->d_name[0] == '.' || lstat(below, &st) != 0)
            continue;
        n += S_ISDIR(st.st_mode) ? count_in(below) : 1;
    }
    if (dir != NULL)
        closedir(dir);
    return n;
}

static size_t count(const char *what)
{
    char path[160];

    snprintf(path, sizeof path, "%s/%s", fix.path, what);
    return count_in(path);
}

static struct file_info info_of(const struct ulid *session, int64_t at_ms)
{
    struct file_info info = { .id = ulid_make(at_ms, 1, ++fix.last), .session = *session,
                              .owner = "channel/web", .name = "a.txt", .type = "text/plain" };

    return info;
}

static enum files_status put(struct file_info *info, const char *text)
{
    return disk_put(&fix.disk, info, text, strlen(text));
}

static enum files_status use(const struct file_info *info, const struct ulid *session,
                             const char *owner)
{
    struct file_info read;
    size_t which;

    return disk_use(&fix.disk, &info->id, 1, session, owner, &read, &which);
}

static void assert_reads(const struct file_info *info, const char *text)
{
    struct file_info read;
    void *data;

    assert_int_equal(disk_get(&fix.disk, &info->id, &read, &data), FILES_OK);
    assert_int_equal(read.bytes, strlen(text));
    assert_string_equal(data, text);
    assert_string_equal(read.name, info->name);
    assert_string_equal(read.type, info->type);
    free(data);
}

static size_t sweep(int64_t before)
{
    size_t n = 0;

    assert_int_equal(disk_sweep(&fix.disk, before, 0, &n), FILES_OK);
    return n;
}

/* ---- What it promises ----------------------------------------------------------------------- */

static void a_file_is_there_after_a_restart_and_its_content_only_once(void **state)
{
    struct file_info one = info_of(&ours, 1000), two = info_of(&theirs, 1000);

    (void)state;
    assert_int_equal(put(&one, "hello"), FILES_OK);
    assert_int_equal(put(&two, "hello"), FILES_OK);
    assert_string_equal(one.sha256,
                        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
    disk_close(&fix.disk);
    disk_again();
    assert_reads(&one, "hello");
    assert_int_equal(count("data"), 1);
    assert_int_equal(count("ids"), 4);
    assert_int_equal(count("tmp"), 0);
}

static void the_first_session_that_uses_a_file_has_it(void **state)
{
    struct file_info own = info_of(&ours, 1000), free_one = info_of(&nobodys, 1000);

    (void)state;
    put(&own, "own");
    put(&free_one, "free");
    assert_int_equal(use(&own, &theirs, "channel/web"), FILES_FOREIGN);
    assert_int_equal(use(&own, &ours, "agent/any"), FILES_OK); /* its own session may always */
    assert_int_equal(use(&free_one, &ours, "agent/any"), FILES_FOREIGN);
    assert_int_equal(use(&free_one, &ours, "channel/web"), FILES_OK);
    assert_int_equal(use(&free_one, &theirs, "channel/web"), FILES_FOREIGN);
    assert_int_equal(use(&free_one, &ours, "channel/web"), FILES_OK);
    own.id = ulid_make(5, 5, 5);
    assert_int_equal(use(&own, &ours, "channel/web"), FILES_NONE);
}

static void of_several_none_changes_hands_when_one_is_not_good(void **state)
{
    struct file_info mine = info_of(&nobodys, 1000), foreign = info_of(&theirs, 1000), read[2];
    size_t which;

    (void)state;
    put(&mine, "mine");
    put(&foreign, "foreign");
    const struct ulid ids[] = { mine.id, foreign.id };
    assert_int_equal(disk_use(&fix.disk, ids, 2, &ours, "channel/web", read, &which),
                     FILES_FOREIGN);
    assert_int_equal(which, 1);
    assert_int_equal(use(&mine, &theirs, "channel/web"), FILES_OK);
}

static void what_no_message_used_goes_after_its_time(void **state)
{
    struct file_info used = info_of(&ours, 1000), unused = info_of(&ours, 1000),
                     young = info_of(&ours, 9000);

    (void)state;
    put(&used, "same");
    put(&unused, "same");
    put(&young, "young");
    use(&used, &ours, "");
    assert_int_equal(sweep(5000), 1);
    assert_reads(&used, "same");
    assert_reads(&young, "young");
    assert_int_equal(use(&unused, &ours, ""), FILES_NONE);
    assert_int_equal(sweep(10000), 1);
    assert_int_equal(count("data"), 1);
    assert_int_equal(count("sessions"), 1);
}

static void all_files_of_a_session_can_be_erased(void **state)
{
    struct file_info one = info_of(&ours, 1000), two = info_of(&nobodys, 1000),
                     other = info_of(&theirs, 1000);
    size_t n = 0;

    (void)state;
    put(&one, "shared");
    put(&two, "two");
    put(&other, "shared");
    use(&two, &ours, "channel/web");
    assert_int_equal(disk_erase(&fix.disk, &ours, &n), FILES_OK);
    assert_int_equal(n, 2);
    assert_reads(&other, "shared");
    assert_int_equal(count("data"), 1);
    assert_int_equal(disk_erase(&fix.disk, &theirs, &n), FILES_OK);
    assert_int_equal(count("data") + count("ids") + count("new") + count("sessions"), 0);
    assert_int_equal(disk_erase(&fix.disk, &theirs, &n), FILES_OK); /* once more */
}

static void what_is_past_the_retention_goes_bit_by_bit(void **state)
{
    struct file_info old = info_of(&ours, 1000), young = info_of(&ours, 9000);
    size_t n = 0;

    (void)state;
    put(&old, "old");
    put(&young, "young");
    use(&old, &ours, "");
    use(&young, &ours, "");
    for (int i = 0; i < 32; i++)
        disk_sweep(&fix.disk, 0, 5000, &n);
    assert_int_equal(n, 1);
    assert_reads(&young, "young");
    assert_int_equal(count("data"), 1);
}

static void content_that_changed_on_disk_is_not_handed_out(void **state)
{
    struct file_info info = info_of(&ours, 1000), read;
    char path[200];
    void *data;
    int fd;

    (void)state;
    put(&info, "hello");
    snprintf(path, sizeof path, "%s/data/%.2s/%s", fix.path, info.sha256, info.sha256);
    fd = open(path, O_WRONLY);
    assert_int_equal(__real_write(fd, "jelly", 5), 5);
    close(fd);
    assert_int_equal(disk_get(&fix.disk, &info.id, &read, &data), FILES_FAILED);
}

static void under_min_free_nothing_is_written(void **state)
{
    struct file_info info = info_of(&ours, 1000);

    (void)state;
    fix.disk.min_free = INT64_MAX / 2;
    assert_int_equal(put(&info, "hello"), FILES_FULL);
    assert_int_equal(count("new"), 0);
}

static void a_step_that_fails_leaves_nothing_behind(void **state)
{
    int64_t n = 0;

    (void)state;
    for (unsigned i = 1;; i++) {
        struct file_info info = info_of(&ours, 1000);
        enum files_status status;

        bad_errno = i % 2 ? ENOSPC : EIO;
        steps = 0;
        bad_step = i;
        status = put(&info, "hello");
        bad_step = 0;
        if (status == FILES_OK) {
            assert_true(steps < i); /* it has fewer steps than that */
            break;
        }
        n++;
        assert_int_equal(status, bad_errno == ENOSPC ? FILES_FULL : FILES_FAILED);
        assert_int_equal(count("data") + count("ids") + count("new") + count("tmp"), 0);
    }
    assert_true(n >= 10);
    assert_int_equal(count("data"), 1);
}

/* In a child that ends at the i-th step; 1: it got to the end. */
static int dies_at(unsigned i, void (*fn)(void *arg), void *arg)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        bad_errno = 0;
        steps = 0;
        bad_step = i;
        fn(arg);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status) == 0;
}

static void put_hello(void *arg)
{
    put(arg, "hello");
}

static void a_crash_at_any_step_leaves_a_whole_file_or_what_the_sweep_takes(void **state)
{
    struct file_info info;
    unsigned i = 0;
    int done;

    (void)state;
    do {
        struct file_info read;
        void *data;

        info = info_of(&ours, 1000);
        done = dies_at(++i, put_hello, &info);
        disk_close(&fix.disk);
        disk_again();
        if (disk_get(&fix.disk, &info.id, &read, &data) == FILES_OK) {
            assert_string_equal(data, "hello");
            free(data);
        } else {
            assert_false(done);
        }
        sweep(2000);
        assert_int_equal(count("data") + count("ids") + count("new") + count("tmp"), 0);
    } while (!done);
    assert_true(i >= 10);
}

static void use_ours(void *arg)
{
    if (use(arg, &ours, "channel/web") != FILES_OK)
        _exit(8);
}

static void a_crash_while_a_file_is_used_loses_no_file_and_no_owner(void **state)
{
    unsigned i = 0;
    int done;

    (void)state;
    do {
        struct file_info info = info_of(&nobodys, 1000);

        put(&info, "hello");
        done = dies_at(++i, use_ours, &info);
        disk_close(&fix.disk);
        disk_again();
        assert_reads(&info, "hello");
        assert_int_equal(use(&info, &ours, "channel/web"), FILES_OK);
        sweep(2000);
        assert_reads(&info, "hello");
    } while (!done);
    assert_true(i >= 4);
}

static void a_quota_counts_files_and_bytes_within_its_window(void **state)
{
    const struct quota_limits limits = { .count = 2, .bytes = 100, .window_ms = 1000 };
    struct quota *quota = quota_new();

    (void)state;
    assert_int_equal(quota_take(quota, &limits, "a", 60, 5000), 0);
    assert_int_equal(quota_take(quota, &limits, "a", 60, 5100), 900); /* bytes */
    assert_int_equal(quota_take(quota, &limits, "a", 40, 5200), 0);
    assert_int_equal(quota_take(quota, &limits, "a", 0, 5300), 700); /* files */
    assert_int_equal(quota_take(quota, &limits, "b", 100, 5300), 0);
    quota_give_back(quota, "a", 40);
    assert_int_equal(quota_take(quota, &limits, "a", 40, 5400), 0);
    assert_int_equal(quota_take(quota, &limits, "a", 100, 6000), 0); /* a new window */
    assert_int_equal(quota_take(quota, &(struct quota_limits){ .window_ms = 1000 }, "a", 1 << 30,
                                6001), 0);
    quota_free(&quota);
    assert_null(quota);
}

#define WITH_DISK(test_) cmocka_unit_test_setup_teardown(test_, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_DISK(a_file_is_there_after_a_restart_and_its_content_only_once),
        WITH_DISK(the_first_session_that_uses_a_file_has_it),
        WITH_DISK(of_several_none_changes_hands_when_one_is_not_good),
        WITH_DISK(what_no_message_used_goes_after_its_time),
        WITH_DISK(all_files_of_a_session_can_be_erased),
        WITH_DISK(what_is_past_the_retention_goes_bit_by_bit),
        WITH_DISK(content_that_changed_on_disk_is_not_handed_out),
        WITH_DISK(under_min_free_nothing_is_written),
        WITH_DISK(a_step_that_fails_leaves_nothing_behind),
        WITH_DISK(a_crash_at_any_step_leaves_a_whole_file_or_what_the_sweep_takes),
        WITH_DISK(a_crash_while_a_file_is_used_loses_no_file_and_no_owner),
        cmocka_unit_test(a_quota_counts_files_and_bytes_within_its_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
