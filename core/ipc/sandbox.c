/*
 * sandbox.c - what an isolated plugin cannot do: set before its file is opened, without privileges.
 *
 * It dies with the gateway, has no descriptor but its own, no core dump, bounded memory, cannot gain
 * privileges, start programs, look into or signal other processes, reach unix sockets (the control
 * socket among them) or, where the kernel has Landlock, write files and read any but libraries, the
 * plugins and what names, time and certificates need: secrets in /etc/tandem are not its own.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/err.h"
#include "ipc/guest_private.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "sandbox.c does not know this machine: add its AUDIT_ARCH"
#endif

#define MAX_FILES 4096
#define SPARE_SPACE (INT64_C(1) << 30) /* of addresses: libraries, stacks and reserves of threads */

static const int denied[] = {
    SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev,
    SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo, SYS_tkill, SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl,
    SYS_add_key, SYS_request_key, SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare,
    SYS_setns, SYS_init_module, SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot,
    SYS_swapon, SYS_swapoff, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex, SYS_setuid,
    SYS_setgid, SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_fchmodat,
    SYS_fchown, SYS_fchownat, SYS_io_uring_setup, SYS_setpriority, SYS_shmget,
    SYS_msgget, SYS_semget, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_acct, SYS_quotactl,
    SYS_personality, SYS_sethostname, SYS_setdomainname, SYS_syslog,
};

/* Those that only one machine has. */
static const int denied_here[] = {
#if defined(__x86_64__)
    SYS_fork, SYS_vfork, SYS_chmod, SYS_chown, SYS_iopl, SYS_ioperm,
#endif
    SYS_lookup_dcookie,
};

#define LOAD(field_) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field_))
#define LOAD_ARG(n_) \
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (n_)))
#define EQUAL(value_, yes_, no_) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value_), (yes_), (no_))
#define BITS(value_, yes_, no_) \
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, (uint32_t)(value_), (yes_), (no_))
#define SAY(what_) BPF_STMT(BPF_RET | BPF_K, (what_))
#define NO(errno_) SAY(SECCOMP_RET_ERRNO | (errno_))

static int set_filter(void)
{
    const uint32_t self = (uint32_t)getpid();
    const struct sock_filter head[] = {
        LOAD(arch), EQUAL(ARCH, 1, 0), SAY(SECCOMP_RET_KILL_PROCESS), LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1), SAY(SECCOMP_RET_KILL_PROCESS),
        /* Threads, no processes; clone3 keeps its flags in memory: libc falls back to clone. */
        EQUAL(SYS_clone3, 0, 1), NO(ENOSYS),
        EQUAL(SYS_clone, 0, 4), LOAD_ARG(0), BITS(CLONE_THREAD, 0, 1), SAY(SECCOMP_RET_ALLOW),
        NO(EPERM),
        /* Itself it may abort. */
        EQUAL(SYS_kill, 1, 0), EQUAL(SYS_tgkill, 0, 4), LOAD_ARG(0), EQUAL(self, 0, 1),
        SAY(SECCOMP_RET_ALLOW), NO(EPERM),
        /* The network, not the machine's own sockets. */
        EQUAL(SYS_socket, 0, 4), LOAD_ARG(0), EQUAL(AF_UNIX, 0, 1), NO(EACCES),
        SAY(SECCOMP_RET_ALLOW),
        EQUAL(SYS_socketpair, 0, 5), LOAD_ARG(1), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xf),
        EQUAL(SOCK_STREAM, 0, 1), SAY(SECCOMP_RET_ALLOW), NO(EACCES),
        /* Limits are read, not set, and of itself only. */
        EQUAL(SYS_prlimit64, 0, 4), LOAD_ARG(2), EQUAL(0, 0, 1), SAY(SECCOMP_RET_ALLOW), NO(EPERM),
    };
    const size_t n_denied = sizeof denied / sizeof *denied;
    const size_t n_here = sizeof denied_here / sizeof *denied_here;
    struct sock_filter code[256];
    struct sock_fprog program = { .filter = code };
    size_t n = sizeof head / sizeof *head;

    memcpy(code, head, sizeof head);
    for (size_t i = 0; i < n_denied + n_here; i++) {
        const int nr = i < n_denied ? denied[i] : denied_here[i - n_denied];

        code[n++] = (struct sock_filter)EQUAL(nr, 0, 1);
        code[n++] = (struct sock_filter)NO(EPERM);
    }
    code[n++] = (struct sock_filter)SAY(SECCOMP_RET_ALLOW);
    program.len = (unsigned short)n;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

/* ---- Files -------------------------------------------------------------------------------- */

#define READ_FILES (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ALL_FILES                                                                              \
    (READ_FILES | LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                 \
     LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |                          \
     LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | \
     LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |                             \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)

/* A kernel without Landlock has the rest of the sandbox. */
static void hide_files(const char *dir)
{
    const char *const readable[] = {
        dir, "/usr", "/lib", "/lib64", "/proc/self", "/sys/devices/system/cpu", "/dev/urandom",
        "/dev/null", "/etc/ca-certificates", "/etc/gai.conf", "/etc/group", "/etc/host.conf",
        "/etc/hosts", "/etc/ld.so.cache", "/etc/localtime", "/etc/nsswitch.conf", "/etc/passwd",
        "/etc/pki", "/etc/protocols", "/etc/resolv.conf", "/etc/services", "/etc/ssl",
    };
    const struct landlock_ruleset_attr attr = { .handled_access_fs = ALL_FILES };
    const int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);

    if (rules < 0)
        return;
    for (size_t i = 0; i < sizeof readable / sizeof *readable; i++) {
        struct landlock_path_beneath_attr rule = {
            .parent_fd = open(readable[i], O_PATH | O_CLOEXEC),
        };
        struct stat is;

        if (rule.parent_fd < 0)
            continue;
        rule.allowed_access = fstat(rule.parent_fd, &is) == 0 && S_ISDIR(is.st_mode)
                                  ? READ_FILES : LANDLOCK_ACCESS_FS_READ_FILE;
        syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
        close(rule.parent_fd);
    }
    syscall(SYS_landlock_restrict_self, rules, 0);
    close(rules);
}

/* ------------------------------------------------------------------------------------------- */

static void limit(int resource, rlim_t most)
{
    struct rlimit is;

    if (getrlimit((__rlimit_resource_t)resource, &is) == 0 && is.rlim_max < most)
        most = is.rlim_max;
    setrlimit((__rlimit_resource_t)resource, &(struct rlimit){ most, most });
}

static void limit_memory(long long memory)
{
#ifndef TD_SANITIZED /* a sanitizer's shadow is terabytes of addresses */
    limit(RLIMIT_DATA, (rlim_t)memory);
    limit(RLIMIT_AS, (rlim_t)(memory + SPARE_SPACE));
#else
    (void)memory;
#endif
}

int sandbox_enter(const char *dir, long long memory, long parent, struct err *err)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return err_set(err, "the gateway is gone");
    prctl(PR_SET_DUMPABLE, 0);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_NOFILE, MAX_FILES);
    limit_memory(memory);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return err_set(err, "no_new_privs: %s", strerror(errno));
    hide_files(dir);
    if (set_filter() != 0)
        return err_set(err, "seccomp: %s", strerror(errno));
    return 0;
}
