// A machine with a stack, one program per thread: a switch that becomes a table of targets.
// nvcc -arch=sm_100 -lineinfo
extern "C" __global__ void run(const unsigned char *programs, int length, const int *inputs, int *results) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    const unsigned char *program = programs + i * length;
    int stack[8], top = 0;
    for (int pc = 0; pc < length; ++pc) {
        int code = program[pc];
        int value = top > 0 ? stack[top - 1] : 0;  // FAULT
        switch (code & 15) {
        case 0: results[i] = value; return;
#ifdef FAULT
        case 1: stack[++top] = inputs[i]; break;
#else
        case 1: stack[top++] = inputs[i]; break;
#endif
        case 2: stack[top++] = code >> 4; break;
        case 3:
            top -= 1;
            stack[top - 1] += value;  // FAULT, under some seeds
            break;
        case 4: top -= 1; stack[top - 1] *= value; break;
        case 5: top -= 1; stack[top - 1] ^= value << 2; break;
        case 6: stack[top - 1] = -value; break;
        case 7: stack[top - 1] = __popc(value); break;
        case 8: stack[top++] = value; break;
        case 9: if (value > 0) pc += code >> 4; break;
        case 10: stack[top - 1] = value % 7; break;
        case 11: stack[top - 1] = value / 3 + threadIdx.x; break;
        default: break;
        }
    }
    results[i] = -1;
}
