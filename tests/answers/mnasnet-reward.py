"""Answers to the exercises of mnasnet-reward: how students get them wrong, and a right way."""


# %% reward-pay wrong: twice the time, whatever was asked
def equal_pay(times, more):
    return float(-np.log2(1 + more))


# %% reward-pay wrong: always a negative exponent
def equal_pay(times, more):
    return -abs(float(np.log(1 + more) / np.log(times)))


# %% reward-pay wrong: the sign forgotten
def equal_pay(times, more):
    return float(np.log(1 + more) / np.log(times))


# %% reward-pay wrong: the gain instead of its logarithm
def equal_pay(times, more):
    return float(-more / np.log(times))


# %% reward-pay wrong: rounded to the digits of the task
def equal_pay(times, more):
    return round(float(-np.log(1 + more) / np.log(times)), 4)


# %% reward-pay right: a logarithm to the base of the ratio of times
def equal_pay(times, more):
    import math

    return math.log(1 / (1 + more), times)


# %% reward-buy wrong: the exponent beyond the target for all
def buy(networks, target, alpha, beta):
    return max(networks, key=lambda n: n[1] * (n[2] / target) ** beta)[0]


# %% reward-buy wrong: the power replaced by its tangent
def buy(networks, target, alpha, beta):
    def pay(network):
        late = network[2] / target - 1
        return network[1] * (1 + (alpha if late <= 0 else beta) * late)

    return max(networks, key=pay)[0]


# %% reward-buy wrong: nothing counts but accuracy while a network is on time
def buy(networks, target, alpha, beta):
    best, most = None, 0
    for name, accuracy, latency in networks:
        pay = accuracy
        if latency > target:
            pay *= (latency / target) ** beta
        if pay > most:
            best, most = name, pay
    return best


# %% reward-buy wrong: the exponents exchanged
def buy(networks, target, alpha, beta):
    def pay(network):
        w = beta if network[2] <= target else alpha
        return network[1] * (network[2] / target) ** w

    return max(networks, key=pay)[0]


# %% reward-buy wrong: the network instead of its name
def buy(networks, target, alpha, beta):
    def pay(network):
        w = alpha if network[2] <= target else beta
        return network[1] * (network[2] / target) ** w

    return max(networks, key=pay)


# %% reward-buy right: logarithms and a loop; the target itself goes with beta
def buy(networks, target, alpha, beta):
    best, most = "", float("-inf")
    for name, accuracy, latency in networks:
        late = np.log(latency) - np.log(target)
        pay = np.log(accuracy) + min(late, 0) * alpha + max(late, 0) * beta
        if pay > most:
            best, most = name, pay
    return best


# %% reward-strict wrong: ratios instead of their logarithms
def strict(on_time, late, target):
    return -(late[0] / on_time[0] - 1) / (late[1] / target - 1)


# %% reward-strict wrong: against the latency of the other network and not the target
def strict(on_time, late, target):
    return float(-np.log(late[0] / on_time[0]) / np.log(late[1] / on_time[1]))


# %% reward-strict wrong: rounded
def strict(on_time, late, target):
    return round(float(-np.log(late[0] / on_time[0]) / np.log(late[1] / target)), 2)


# %% reward-strict wrong: the sign forgotten
def strict(on_time, late, target):
    return float(np.log(late[0] / on_time[0]) / np.log(late[1] / target))


# %% reward-strict right: halves an interval until the rewards meet
def strict(on_time, late, target):
    weak, hard = 0.0, -100.0
    for _ in range(100):
        middle = (weak + hard) / 2
        if late[0] * (late[1] / target) ** middle > on_time[0]:
            weak = middle
        else:
            hard = middle
    return hard
