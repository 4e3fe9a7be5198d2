# SPDX-License-Identifier: Apache-2.0
# Raw system calls: the only `syscall` instructions of the runtime.
#
# rove_syscall: plain. rove_call: one that can be called off: whoever interrupts the thread (the
# steward by ptrace, a signal's trampoline) looks where RIP is and moves it to one of the labels.
# RCX tells a call that was never made (0) from one that the kernel is about to restart (the
# return address, which the instruction has left there).
    .text

    .globl rove_syscall
    .hidden rove_syscall
rove_syscall:                       # (number, a, b, c, d, e, f on the stack)
    mov %rdi, %rax
    mov %rsi, %rdi
    mov %rdx, %rsi
    mov %rcx, %rdx
    mov %r8, %r10
    mov %r9, %r8
    mov 8(%rsp), %r9
    syscall
    ret

# long rove_call(number, uint64_t const args[6], uint32_t volatile* stop, uint32_t* outcome)
    .globl rove_call
    .hidden rove_call
    .globl rove_entry_call_begin, rove_entry_call_syscall, rove_entry_call_end
    .globl rove_entry_call_cancelled, rove_entry_call_interrupted
rove_call:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rdx, %r12
    mov %rcx, %r13
    mov %rsi, %r14
    mov %rdi, %rax
    mov (%r14), %rdi
    mov 8(%r14), %rsi
    mov 16(%r14), %rdx
    mov 24(%r14), %r10
    mov 32(%r14), %r8
    mov 40(%r14), %r9
    xor %ecx, %ecx
rove_entry_call_begin:
    cmpl $0, (%r12)
    jne .Lnot_made
rove_entry_call_syscall:
    syscall
rove_entry_call_end:
    movl $0, (%r13)
.Lout:
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
.Lnot_made:
    movl $1, (%r13)
    mov $-512, %rax
    jmp .Lout
# The steward calls the call off: what the kernel left in RAX says how far it had come.
rove_entry_call_cancelled:
    test %rcx, %rcx
    jz .Lnot_made
    cmp $-4, %rax                   # EINTR: made by the seizure itself
    je .Lunder_way
    cmp $-512, %rax
    je .Lunder_way
    cmp $-513, %rax
    je .Lunder_way
    cmp $-514, %rax
    je .Lunder_way
    cmp $-516, %rax
    je .Lunder_way
    movl $3, (%r13)                 # it has a result, perhaps a part of what it would have had
    jmp .Lout
.Lunder_way:                        # RAX stays: what the kernel would have done about it
    movl $4, (%r13)
    jmp .Lout
# A signal's trampoline found a call that the kernel is about to make (again).
rove_entry_call_interrupted:
    test %rcx, %rcx
    jz .Lnot_made
    movl $2, (%r13)
    mov $-512, %rax
    jmp .Lout
