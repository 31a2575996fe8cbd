/*
 * instr.h - what each instruction but FROM and COPY does to a stage.
 */
#ifndef INSTR_H
#define INSTR_H

#include "build/dockerfile.h"
#include "build/stage.h"

/* ERR_INPUT without a place: dockerfile_at adds it. */
int instr_run(struct stage *s, const struct dockerfile_cmd *c, struct err *e);

/*
 * The words of an ARG, "NAME" or "NAME=VALUE", variables replaced, into out
 * (for those before FROM too).
 */
int instr_arg_words(const char *text, const struct subst *subst,
    struct list *out, struct err *e);

/* The instruction is one that the native engine knows how to run, and so are
 * its flags; else ERR_INPUT "instruction_unsupported" and the like. */
int instr_check(const struct dockerfile_cmd *c, struct err *e);

#endif
