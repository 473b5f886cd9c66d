"""Work that worker processes can import."""

import os
import time


def double(number):
    if number == 13:
        raise ValueError("unlucky")
    if number == 99:
        os._exit(7)
    if number == 1000:
        time.sleep(60)
    return number * 2, os.getpid()


def asleep(_):
    print("asleep", flush=True)
    time.sleep(60)
