// Copyright the Viaduct authors. SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CLinuxIO.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

void viaduct_ignore_broken_pipes(void) {
    signal(SIGPIPE, SIG_IGN);
}

void viaduct_block_broken_pipes(void) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
}

int viaduct_signals_open(void) {
    viaduct_ignore_broken_pipes();
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    int result = pthread_sigmask(SIG_BLOCK, &signals, NULL);
    if (result != 0) return -result;
    int descriptor = signalfd(-1, &signals, SFD_NONBLOCK | SFD_CLOEXEC);
    return descriptor < 0 ? -errno : descriptor;
}

int viaduct_signals_read(int descriptor) {
    struct signalfd_siginfo info;
    if (read(descriptor, &info, sizeof info) != sizeof info) return 0;
    return (int)info.ssi_signo;
}
