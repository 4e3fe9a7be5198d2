# SPDX-License-Identifier: Apache-2.0
# Entries: where the kernel, a keeper or the program comes into the runtime.
    .section .text.entry, "ax"

# P: a program thread, set here by ptrace; rdi = its slot, rsp = top of the slot's stack.
    .globl rove_entry_deputy
rove_entry_deputy:
    cld
    xor %ebp, %ebp
    and $-16, %rsp
    call rove_deputy_main
    ud2

# P: the porter, cloned by the first thread; rdi = slot 0.
    .globl rove_entry_porter
rove_entry_porter:
    xor %ebp, %ebp
    and $-16, %rsp
    call rove_porter_main
    ud2

# R: a freshly cloned process; rdi = slot 0, on slot 0's stack.
    .globl rove_entry_builder
rove_entry_builder:
    cld
    xor %ebp, %ebp
    and $-16, %rsp
    call rove_builder_main
    ud2

# Signal trampolines of a guest. The kernel's frame is at rsp; rdi, rsi, rdx = number, siginfo, ucontext.
    .macro trampoline name, target
    .globl \name
    .hidden \name
\name:
    mov %rsp, %rbx
    mov %rdx, %r13
    and $-16, %rsp
    call \target
    test %eax, %eax
    jz .Lplain_return
    jmp .Lbefore_return
    .endm

    trampoline rove_trap_trampoline, rove_guest_trap
    trampoline rove_kick_trampoline, rove_guest_kick
    trampoline rove_fault_trampoline, rove_guest_fault

# The way back to the program: everything that is owed to it is done before the last look at
# `stop`; a kick that strikes between that look and the return begins again.
    .globl rove_return_begin, rove_return_end, rove_before_return
    .hidden rove_return_begin, rove_return_end, rove_before_return
.Lbefore_return:
rove_before_return:
    mov %rbx, %rsp
    and $-16, %rsp
    mov %r13, %rdi
    call rove_guest_before_return    # returns &stop of this thread, and whether the short way will do
    mov %rax, %r12
    test %rdx, %rdx
    jnz rove_fast_begin
rove_return_begin:
    cmpl $0, (%r12)
    jne .Lbefore_return
    lea 8(%rbx), %rsp
    mov $15, %eax
    syscall
rove_return_end:
    ud2
.Lplain_return:
    lea 8(%rbx), %rsp
    mov $15, %eax
    syscall
    ud2

# The short way back after a call: no rt_sigreturn. RCX and R11 hold what a `syscall` leaves in them anyway, so
# RCX can carry the address. A kick between begin and switched begins again at rove_before_return; one between
# switched and end finds this thread on the program's stack already, with all but RCX and RIP in place.
    .set CONTEXT_R8, 40
# All but RCX and RIP, from the context at RCX; the stack pointer last.
    .macro load_registers
    mov CONTEXT_R8(%rcx), %r8
    mov CONTEXT_R8+8(%rcx), %r9
    mov CONTEXT_R8+16(%rcx), %r10
    mov CONTEXT_R8+24(%rcx), %r11
    mov CONTEXT_R8+32(%rcx), %r12
    mov CONTEXT_R8+40(%rcx), %r13
    mov CONTEXT_R8+48(%rcx), %r14
    mov CONTEXT_R8+56(%rcx), %r15
    mov CONTEXT_R8+64(%rcx), %rdi
    mov CONTEXT_R8+72(%rcx), %rsi
    mov CONTEXT_R8+80(%rcx), %rbp
    mov CONTEXT_R8+88(%rcx), %rbx
    mov CONTEXT_R8+96(%rcx), %rdx
    mov CONTEXT_R8+104(%rcx), %rax
    pushq CONTEXT_R8+136(%rcx)
    popfq
    mov CONTEXT_R8+120(%rcx), %rsp
    .endm
    .globl rove_fast_begin, rove_fast_switched, rove_fast_end
    .hidden rove_fast_begin, rove_fast_switched, rove_fast_end
rove_fast_begin:
    cmpl $0, (%r12)
    jne .Lbefore_return
    mov CONTEXT_R8+184(%r13), %rcx   # fpstate; its features stand in the kernel's words
    mov 472(%rcx), %eax
    mov 476(%rcx), %edx
    xrstor64 (%rcx)
    mov %r13, %rcx
    load_registers
rove_fast_switched:
    mov CONTEXT_R8+128(%rcx), %rcx
    jmp *%rcx
rove_fast_end:
    ud2

# A patched call site leads here (patch.cc): RCX = address of {address behind the `syscall`, number}, RAX and R11 free,
# GS = the slot. Flags are kept: natively they are, too. A kick before rove_patched_saved goes back to the site; one between rove_patched_return and rove_patched_loaded takes
# the registers from the context; one behind that finds all in place but RCX and RIP.
    .set SLOT_LOW_BITS, 0x1ffff
    .set PATCHED_STACK, 0x16000 - 512
    .set PATCHED_RSP, 0x1000         # the first word of Private
    .globl rove_patched_entry, rove_patched_switched, rove_patched_saved, rove_patched_return, rove_patched_loaded, rove_patched_end
    .hidden rove_patched_entry, rove_patched_switched, rove_patched_saved, rove_patched_return, rove_patched_loaded, rove_patched_end
rove_patched_entry:
    lahf
    seto %al
    movzwl %ax, %eax
    rdgsbase %r11
    test $SLOT_LOW_BITS, %r11d       # a slot of this region? Programs can write GS
    jnz .Lrefused
    or %rax, %r11                    # the flags fit into the zeros of its address
    lea rove_patched_entry(%rip), %rax
    xor %r11, %rax
    shr $30, %rax
    movzwl %r11w, %eax
    jnz .Lrefused
    and $~SLOT_LOW_BITS, %r11
    mov %rsp, PATCHED_RSP(%r11)
    lea PATCHED_STACK(%r11), %rsp
rove_patched_switched:
    add $0x7f, %al                   # the overflow flag again, then the others
    sahf
    pushfq
    popq %rax
    mov %r8, CONTEXT_R8(%rsp)
    mov %r9, CONTEXT_R8+8(%rsp)
    mov %r10, CONTEXT_R8+16(%rsp)
    mov %r12, CONTEXT_R8+32(%rsp)
    mov %r13, CONTEXT_R8+40(%rsp)
    mov %r14, CONTEXT_R8+48(%rsp)
    mov %r15, CONTEXT_R8+56(%rsp)
    mov %rdi, CONTEXT_R8+64(%rsp)
    mov %rsi, CONTEXT_R8+72(%rsp)
    mov %rbp, CONTEXT_R8+80(%rsp)
    mov %rbx, CONTEXT_R8+88(%rsp)
    mov %rdx, CONTEXT_R8+96(%rsp)
    mov PATCHED_RSP(%r11), %r11
    mov %r11, CONTEXT_R8+120(%rsp)
    mov %rax, CONTEXT_R8+136(%rsp)
    mov %rax, CONTEXT_R8+24(%rsp)
    mov (%rcx), %rax
    mov %rax, CONTEXT_R8+112(%rsp)
    mov %rax, CONTEXT_R8+128(%rsp)
    mov 8(%rcx), %eax
    mov %rax, CONTEXT_R8+104(%rsp)
rove_patched_saved:
    cld
    xor %ebp, %ebp
    mov %rsp, %rdi
    call rove_guest_patched          # returns &stop of this thread
rove_patched_return:
    cmpl $0, (%rax)
    jne .Lpatched_stop
    mov %rsp, %rcx
    load_registers
rove_patched_loaded:
    mov CONTEXT_R8+128(%rcx), %rcx
    jmp *%rcx
rove_patched_end:
    ud2
.Lpatched_stop:
    call rove_guest_take_context
    ud2
.Lrefused:
    add $0x7f, %al
    sahf
    mov (%rcx), %r11
    mov 8(%rcx), %eax
    lea -2(%r11), %r11               # to the `syscall` itself, which traps
    jmp *%r11

# Leave the runtime by a frame: rdi = address of an rt_sigframe.
    .globl rove_leave_by_frame
    .hidden rove_leave_by_frame
rove_leave_by_frame:
    lea 8(%rdi), %rsp
    mov $15, %eax
    syscall
    ud2

# R: a thread begins with an imported frame: as if it were at the end of a trampoline. rdi = frame, rsi = ucontext.
    .globl rove_enter_return
    .hidden rove_enter_return
rove_enter_return:
    mov %rdi, %rbx
    mov %rsi, %r13
    jmp .Lbefore_return

# Return address of the signal frames that the kernel builds for us.
    .globl rove_restorer
    .hidden rove_restorer
rove_restorer:
    mov $15, %eax
    syscall
    ud2

# P: trampoline of a program signal that reached the deputy; plain C behind it.
    .globl rove_deputy_trampoline
    .hidden rove_deputy_trampoline
rove_deputy_trampoline:
    mov %rsp, %rbx
    and $-16, %rsp
    call rove_deputy_signal
    mov %rbx, %rsp
    ret                              # pretcode: rove_restorer

# long rove_clone_thread(flags, stack_top, slot, entry): the child starts at `entry` with rdi = slot
    .globl rove_clone_thread
    .hidden rove_clone_thread
rove_clone_thread:
    mov %rdx, %r8                    # slot, survives in the child
    mov %rcx, %r9                    # entry
    xor %edx, %edx
    xor %r10d, %r10d
    mov $56, %eax
    syscall
    test %rax, %rax
    jz 1f
    ret
1:  mov %r8, %rdi
    xor %ebp, %ebp
    and $-16, %rsp
    call *%r9                        # and not a jump, so that the stack is as a function expects it
    ud2

# long rove_clone3_thread(clone_args, size, slot, entry)
    .globl rove_clone3_thread
    .hidden rove_clone3_thread
rove_clone3_thread:
    mov %rdx, %r8
    mov %rcx, %r9
    mov $435, %eax
    syscall
    test %rax, %rax
    jz 1b
    ret

# The last act of a thread that nobody waits for: rdi = stack word to clear, rsi = exit code. No stack is used.
    .globl rove_exit_thread
    .hidden rove_exit_thread
rove_exit_thread:
    movl $9, (%rdi)                  # SlotState::gone
    mov %esi, %edi
    mov $60, %eax
    syscall
    ud2

# R: the holder waits: edi = its socket, rsi and rdx = the runtime's own memory, rcx = the end of a stack in it.
# From the first `syscall` on nothing is read from memory, since the program may have written it, until all of that
# memory is fresh; see guest/holder.cc.
    .globl rove_hold
    .hidden rove_hold
rove_hold:
    mov %edi, %r12d
    mov %rsi, %r13
    mov %rdx, %r14
    mov %rcx, %r15
.Lhold:
    mov $44, %eax                    # sendto: it stands here
    mov %r12d, %edi
    lea .Lholds(%rip), %rsi
    mov $8, %edx
    mov $0x4000, %r10d               # MSG_NOSIGNAL
    xor %r8d, %r8d
    xor %r9d, %r9d
    syscall
    mov $45, %eax                    # recvfrom, of nothing: a packet has come, or the warden has gone
    mov %r12d, %edi
    xor %esi, %esi
    xor %edx, %edx
    xor %r10d, %r10d
    syscall
    test %rax, %rax
    jnz .Lhold_no_more
    mov $9, %eax                     # mmap: PRIVATE ANONYMOUS NORESERVE FIXED
    mov %r13, %rdi
    mov %r14, %rsi
    mov $3, %edx
    mov $0x4032, %r10d
    mov $-1, %r8
    xor %r9d, %r9d
    syscall
    cmp %r13, %rax
    jne .Lhold_no_more
    mov $28, %eax                    # madvise: DONTDUMP
    mov %r13, %rdi
    mov %r14, %rsi
    mov $16, %edx
    syscall
    mov %r15, %rsp
    xor %ebp, %ebp
    cld
    mov %r12d, %edi
    call rove_holder_serves
    jmp .Lhold
.Lhold_no_more:
    mov $231, %eax
    xor %edi, %edi
    syscall
    ud2
    .balign 8
.Lholds:
    .quad 1                          # HolderReply

# Copies with a way out: a fault between begin and end continues at rove_copy_fault.
    .globl rove_copy, rove_copy_words, rove_copy_begin, rove_copy_end, rove_copy_fault
    .hidden rove_copy, rove_copy_words, rove_copy_begin, rove_copy_end, rove_copy_fault
rove_copy:                           # (to, from, n) → bytes NOT copied
    mov %rdx, %rcx
    xor %eax, %eax
    cmp $256, %rcx
    ja rove_copy_begin
# Small ones by words, as a string instruction is slow to begin; a fault here goes on by bytes, which are exact.
rove_copy_words:
    cmp $8, %rcx
    jb rove_copy_begin
    mov (%rsi), %r8
    mov %r8, (%rdi)
    add $8, %rsi
    add $8, %rdi
    sub $8, %rcx
    jnz rove_copy_words
    ret
rove_copy_begin:
    rep movsb
rove_copy_end:
    mov %rcx, %rax
    ret
rove_copy_fault:
    mov %rcx, %rax
    ret
# Touch for writing: (address) → 0, or not 0 when it cannot be written
    .globl rove_touch, rove_touch_begin, rove_touch_end
    .hidden rove_touch, rove_touch_begin, rove_touch_end
rove_touch:
    xor %ecx, %ecx
    xor %eax, %eax
rove_touch_begin:
    lock orb $0, (%rdi)
rove_touch_end:
    ret

    .section .note.GNU-stack, "", @progbits
